//! Sentences that speak of SQL, or use its words for something else, beside text that carries it.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use guardrails::checks::sql::{Mode, SqlRules, suspicion};

#[track_caller]
fn prose(texts: &[&str]) {
    let flagged: Vec<_> = texts.iter().filter_map(|text| Some((text, suspicion(text)?.why))).collect();
    assert!(flagged.is_empty(), "{flagged:#?}");
}

#[track_caller]
fn injected(texts: &[&str]) {
    let missed: Vec<_> = texts.iter().filter(|text| suspicion(text).is_none()).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// R173: words of SQL in their everyday sense.
#[test]
fn everyday_sentences_are_no_sql() {
    prose(&[
        "Please select one of the options from the drop-down menu and click Save; then update your profile.",
        "The union of workers and the select committee met on Tuesday (3 hours) to discuss the strike.",
        "Drop me a line; update me on the project; delete my old address from your files.",
        "Set the table; call the kids; begin dinner at 6.",
        "We need to union all departments; select all that apply: 1, 2, 3.",
        "Union, Select, and From are stations on the line.",
        "Insert into slot A the values 5 and 6.",
        "She's having 1 = one baby, not twins.",
        "I want to drop table tennis and take up squash instead; it's cheaper.",
        "Execute the plan as described in section 4; do not alter it.",
        "Use the 3rd door; load the boxes; copy the keys; kill the lights.",
        "Let's group them by age: 1-3, 4-6 and 7-10.",
        "Order by Friday 5 pm and get 10% off; limit 2 per customer.",
        "O'Brien and O'Neill's meeting is at 5; McDonald's isn't invited.",
        "He said 'yes' or 'no' and that's it.",
        "\"Where's Wally\" or \"Where's Waldo\" = same thing",
        "EXEC summary: 5 points; see p. 3",
        "Truncate the text after 100 characters -- use an ellipsis.",
    ]);
}

/// R173: questions about SQL, code and mathematics.
#[test]
fn talk_about_sql_is_no_sql() {
    prose(&[
        "SELECT is a keyword; FROM is another; WHERE too.",
        "I wrote \"SELECT name FROM users WHERE id = 5\" in my notes; is that right?",
        "Use parameters (e.g. $1, ?) instead of string concatenation: \"SELECT * FROM t WHERE id = \" + id",
        "In SQL, UNION SELECT combines two results; is UNION ALL SELECT faster?",
        "The following commands: DROP, ALTER, CREATE and TRUNCATE are DDL; INSERT, UPDATE, DELETE are DML.",
        "If x = 1 and y = 2, then x + y = 3.",
        "5 + 5 = 10 and 10 - 5 = 5, isn't it?",
        "=SUM(A1:A10)+MAX(B1,B2)",
        "[link](https://example.com/search?q=select+from&limit=10)",
        "const x = a && b || c; // logic",
        "f'(x) = 2x and f''(x) = 2",
    ]);
}

/// R173 to R175: the same words where they are meant.
#[test]
fn what_is_meant_is_found() {
    injected(&[
        "' OR 1=1 --",
        "1 or 1=1",
        "red laptop' or '1'='1",
        "5; DROP TABLE users",
        "x'; update users set role='admin' where name='bob'--",
        "1; insert into admins (name) values ('eve')",
        "'; insert into admins select * from users --",
        "' UNION SELECT name, password FROM users --",
        "-1 union all select 1,2,3",
        "1 having 1=1",
        "' having 1=1--",
        "1 and (select count(*) from users) > 0",
        "x' and x = 'x",
        "1 and sleep(5)",
        "admin'--",
    ]);
}

/// R172: what ORMs and reports write is let through by a parser, whatever clauses it has.
#[test]
fn legal_statements_pass() {
    let rules = SqlRules { mode: Some(Mode::Statement), ..SqlRules::default() };
    let flagged: Vec<String> = [
        "SELECT \"users\".\"id\" FROM \"users\" WHERE \"users\".\"deleted_at\" IS NULL AND 1=1 ORDER BY \"users\".\"id\" LIMIT 20",
        "WITH RECURSIVE tree AS (SELECT id, parent_id, 1 AS depth FROM category WHERE parent_id IS NULL UNION ALL SELECT c.id, c.parent_id, t.depth + 1 FROM category c JOIN tree t ON c.parent_id = t.id) SELECT * FROM tree",
        "SELECT customer_id, row_number() OVER (PARTITION BY customer_id ORDER BY total DESC) AS rn FROM orders",
        "SELECT a.*, b.total FROM a LEFT JOIN LATERAL (SELECT sum(x) AS total FROM b WHERE b.a_id = a.id) b ON true",
        "INSERT INTO users (name, email) VALUES ('O''Brien', 'ob@example.com') ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name RETURNING id",
        "INSERT INTO logs (level, message) VALUES ('info', 'select * from users where 1=1; drop table x --')",
        "SELECT id, name, 'customer' AS kind FROM customers UNION ALL SELECT id, name, 'supplier' FROM suppliers",
        "SELECT month, revenue, 0 AS forecast FROM actuals UNION ALL SELECT month, 0, revenue FROM forecasts",
        "SELECT count(*) FILTER (WHERE status = 'ok') AS ok, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM requests",
        "SELECT data->'items'->0->>'price' FROM orders WHERE data @> '{\"a\": 1}'",
        "SELECT * FROM t WHERE x = '--not a comment' OR y = '/* neither */'",
        "MERGE INTO stock s USING delivery d ON s.sku = d.sku WHEN MATCHED THEN UPDATE SET qty = s.qty + d.qty WHEN NOT MATCHED THEN INSERT (sku, qty) VALUES (d.sku, d.qty)",
        "SELECT GROUP_CONCAT(DISTINCT name ORDER BY name SEPARATOR ', ') FROM t",
        "SELECT TOP 10 * FROM [dbo].[Orders] WHERE [Status] = 'Open'",
    ]
    .iter()
    .filter_map(|sql| match rules.check(sql) {
        Ok(found) if found.is_empty() => None,
        other => Some(format!("{sql}: {other:?}")),
    })
    .collect();
    assert!(flagged.is_empty(), "{flagged:#?}");
}
