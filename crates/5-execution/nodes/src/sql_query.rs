//! SQL_QUERY: asks a customer's database. The statement is taken as it is written; values are bound, never pasted.

use domain::Json;
use serde::Deserialize;
use serde_json::json;
use workflow::{
    Answer, Call, Defect, Failure, Next, Node, NodeContext, NodeType, Output, Port, SqlCall, SqlDialect, SqlMode,
    Warning,
};

pub(crate) struct SqlQuery;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    credential: String,
    #[serde(default = "postgres")]
    dialect: SqlDialect,
    query: String,
    #[serde(default)]
    parameters: Vec<Json>,
    #[serde(default)]
    mode: SqlMode,
    #[serde(default = "thousand")]
    max_rows: u64,
}

const fn postgres() -> SqlDialect {
    SqlDialect::Postgres
}
const fn thousand() -> u64 {
    1000
}

impl Node for SqlQuery {
    fn kind(&self) -> NodeType {
        NodeType::SqlQuery
    }
    fn schema(&self) -> Json {
        let properties = json!({
            "credential": crate::schema::credential("The vault entry with the connection."),
            "dialect": { "title": "Database", "enum": ["postgres", "sqlite"], "default": "postgres" },
            "query": { "title": "Query", "type": "string", "minLength": 1, "maxLength": 100_000, "x-editor": "code",
                "description": "One statement; values stand as $1, $2 … Braces in it are not expressions.",
                "examples": ["SELECT id, total FROM orders WHERE customer = $1"] },
            "parameters": { "title": "Parameters", "type": "array", "maxItems": 1000, "x-editor": "expression",
                "description": "The values of $1, $2 …", "examples": [["{{ input.customer }}"]] },
            "mode": { "title": "May do", "enum": ["read_only", "read_write", "full"], "default": "read_only",
                "description": "The workflow's policy may allow less." },
            "max_rows": { "title": "Most rows", "type": "integer", "minimum": 1, "maximum": 100_000, "default": 1000 }
        });
        crate::schema::object("SQL query", "Asks a database.", &["credential", "query"], properties)
    }
    fn verbatim(&self) -> &'static [&'static str] {
        &["credential", "dialect", "query", "mode"]
    }
    fn check(&self, parameters: &Json) -> Vec<Defect> {
        let query = parameters["query"].as_str().unwrap_or_default();
        if !query.contains("{{") {
            return Vec::new();
        }
        let message = "values are not pasted into SQL: write $1 here and put the expression into \"parameters\"";
        vec![Defect::new("/query", "expression_in_sql", message)]
    }
    fn next(&self, cx: &NodeContext<'_>, answers: &[Answer]) -> Result<Next, Failure> {
        match answers.first() {
            None => {
                let Parameters { credential, dialect, query, parameters, mode, max_rows } = cx.read()?;
                Ok(Next::Call(Call::Sql(SqlCall { credential, dialect, query, parameters, mode, max_rows })))
            }
            Some(Answer::Sql(answer)) => {
                let json = json!({ "columns": answer.columns, "rows": answer.rows,
                    "rows_affected": answer.rows_affected, "truncated": answer.truncated });
                let value = cx.value(json).labelled(domain::Label::Untrusted);
                let mut output = Output::new(Port::Main, value);
                if answer.truncated {
                    let message = format!("there were more rows than the {} asked for", answer.rows.len());
                    output.warnings.push(Warning { code: "truncated".into(), message, findings: Vec::new() });
                }
                Ok(Next::Done(output))
            }
            Some(other) => Err(crate::unexpected(cx, other)),
        }
    }
}
