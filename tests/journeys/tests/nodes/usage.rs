//! What was used, what it cost, and what a team allows itself (R053, R203).

use domain::Role;
use journeys::{
    Client, Server,
    doubles::{Double, answers, on_both_open},
    workflows::{echo, hooked},
};
use serde_json::{Value as Json, json};

/// A published workflow that asks the double once; every answer costs 11 + 7 tokens.
async fn asking(server: &Server, double: &Double, name: &str) -> String {
    let parameters = json!({ "model": double.model("openai"), "prompt": "hello" });
    let nodes = json!([{ "id": "chat", "type": "CHAT_MODEL", "parameters": parameters }]);
    server.client.deploy(json!({ "name": name, "nodes": nodes })).await
}

async fn report(client: &Client, by: &str) -> Json {
    client.get(&format!("usage?by={by}")).await.expect(200).json()
}

fn today(answer: &Json) -> String {
    answer["to"].as_str().unwrap().to_owned()
}

/// R053, R203: every model call is counted for its day, workflow, model and principal, and costs what its price says.
#[tokio::test(flavor = "multi_thread")]
async fn usage_is_told_by_day_workflow_model_and_principal() {
    on_both_open(async |server| {
        let client = &server.client;
        let empty = report(client, "day").await;
        assert_eq!((&empty["rows"], &empty["total"]["runs"]), (&json!([]), &json!(0)), "{empty}");
        let double = Double::playing([answers::openai("Hi")]).await;
        let asks = asking(server, &double, "asks").await;
        let plain = client.deploy(echo("plain")).await;
        for _ in 0..3 {
            assert_eq!(client.run(&asks, json!(1)).await["status"], "succeeded");
        }
        client.run(&plain, json!(1)).await;
        let fails =
            json!({ "name": "fails", "nodes": [{ "type": "STOP_WITH_ERROR", "parameters": { "message": "no" } }] });
        let fails = client.deploy(fails).await;
        client.post(&format!("workflows/{fails}/runs"), json!({ "wait_seconds": 60 })).await;

        let by_day = report(client, "day").await;
        let row = &by_day["rows"][0];
        assert_eq!(row["key"], today(&by_day).as_str());
        let expected = json!({ "key": row["key"], "label": row["key"], "runs": 5, "failed": 1, "input_tokens": 33,
            "output_tokens": 21, "cost_micros": 0, "unpriced_tokens": 54 });
        assert_eq!(row, &expected);

        let price = |model: &str| json!({ "provider": "openai", "model": model, "input_usd": 2.0, "output_usd": 10.0 });
        let set = client.put("billing/prices", json!({ "prices": [price("double-*")] })).await.expect(200).json();
        assert_eq!(set["prices"][0]["model"], "double-*");
        let by_workflow = report(client, "workflow").await;
        let rows = by_workflow["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 3, "{by_workflow}");
        assert_eq!((&rows[0]["key"], &rows[0]["label"], &rows[0]["runs"]), (&json!(asks), &json!("asks"), &json!(3)));
        let costs = (&rows[0]["cost_micros"], &rows[0]["unpriced_tokens"]);
        assert_eq!(costs, (&json!(33 * 2 + 21 * 10), &json!(0)), "{by_workflow} {}", report(client, "model").await);
        assert_eq!((&by_workflow["total"]["runs"], &by_workflow["total"]["failed"]), (&json!(5), &json!(1)));
        let by_model = report(client, "model").await;
        assert_eq!(
            (&by_model["rows"][0]["key"], &by_model["rows"][0]["runs"]),
            (&json!("open_ai/double-1"), &json!(3))
        );
        assert_eq!(by_model["rows"][0]["cost_micros"], 276);
        let by_principal = report(client, "principal").await;
        assert_eq!(by_principal["rows"].as_array().unwrap().len(), 1, "{by_principal}");
        assert_eq!(
            (&by_principal["rows"][0]["runs"], &by_principal["rows"][0]["input_tokens"]),
            (&json!(5), &json!(33))
        );

        let table = client.get("usage.csv?by=workflow").await.expect(200);
        assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
        let lines: Vec<&str> = table.text.lines().collect();
        assert_eq!(lines.len(), 5, "a head, three workflows, the total: {lines:?}");
        assert_eq!(lines[4], r#""total","","5","1","33","21","0.000276","0""#);
        assert_eq!(report(&client.in_environment("production"), "day").await["rows"], json!([]));
    })
    .await;
}

/// R053: only an admin sees or sets it; bad input is named and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn billing_is_for_admins_and_reads_what_it_is_given() {
    on_both_open(async |server| {
        for role in [Role::Builder, Role::Operator, Role::Viewer, Role::ComplianceOfficer] {
            let other = server.as_role(role).await;
            for path in ["usage", "usage.csv", "billing"] {
                other.get(path).await.problem("403 NL-2003");
            }
            other.put("billing/limits", json!({ "runs_a_month": 1 })).await.problem("403 NL-2003");
            other.put("billing/prices", json!({ "prices": [] })).await.problem("403 NL-2003");
        }
        let client = &server.client;
        let asked = [
            "from=2026-13-01",
            "from=yesterday",
            "from=2026-02-02&to=2026-01-01",
            "from=2020-01-01&to=2026-01-01",
            "by=moon",
            "day=1",
            "to=2026-01-01T00:00:00Z",
        ];
        for asked in asked {
            client.get(&format!("usage?{asked}")).await.problem("400 NL-1008");
        }
        let price = |usd: f64| json!({ "provider": "openai", "model": "m", "input_usd": usd, "output_usd": 1.0 });
        let wrong = [
            json!([price(-1.0)]),
            json!([price(1e9)]),
            json!([price(1.0), price(2.0)]),
            json!([{ "provider": "nobody", "model": "m", "input_usd": 1, "output_usd": 1 }]),
            json!([{ "provider": "openai", "model": "", "input_usd": 1, "output_usd": 1 }]),
        ];
        for prices in wrong {
            client.put("billing/prices", json!({ "prices": prices })).await.problem("400 NL-1008");
        }
        client.put("billing/limits", json!({ "runs_a_month": u64::MAX })).await.problem("400 NL-1008");
        client.put("billing/limits", json!({ "runs_a_month": -1 })).await.problem("400 NL-1003");
        client.put("billing/limits", json!({ "rums": 1 })).await.problem("400 NL-1003");
        let now = client.get("billing").await.expect(200).json();
        assert_eq!((&now["prices"], &now["limits"][0]["limit"]), (&json!([]), &Json::Null), "{now}");
    })
    .await;
}

/// R202, R053: a month that is spent starts no run and calls no model, whoever asks; other environments go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_spent_stops_runs_and_model_calls() {
    on_both_open(async |server| {
        let client = &server.client;
        let double = Double::playing([answers::openai("Hi")]).await;
        let asks = asking(server, &double, "asks").await;
        let hook = client.deploy(hooked("hooked", "in", json!({}))).await;
        client.run(&asks, json!(1)).await;
        client.put("billing/limits", json!({ "tokens_a_month": 36 })).await.expect(200);
        assert_eq!(client.run(&asks, json!(1)).await["status"], "succeeded", "18 of 36 were used");
        let body = json!({ "input": 1, "wait_seconds": 60 });
        let blocked = client.post(&format!("workflows/{asks}/runs"), body.clone()).await.json();
        assert!(blocked.to_string().contains("36 tokens of this month are used up"), "{blocked}");
        assert_eq!(double.seen().len(), 2, "the third call never left");
        client.hook("in", json!(1)).await.expect(200);

        client.put("billing/limits", json!({ "runs_a_month": 5 })).await.expect(200);
        client.run(&asks, json!(1)).await;
        let refused = client.post(&format!("workflows/{asks}/runs"), body).await.problem("429 NL-5008").json();
        assert!(refused["ends_at"].as_str().unwrap().ends_with("-01T00:00:00Z"), "{refused}");
        assert_eq!(client.hook("in", json!(1)).await.status, 429);
        let shown = client.get("billing").await.expect(200).json();
        assert_eq!(shown["limits"][0], json!({ "name": "runs_a_month", "limit": 5, "used": 5 }));
        let elsewhere = client.in_environment("production");
        elsewhere.publish(&hook).await.expect(200);
        elsewhere.hook("in", json!(1)).await.expect(200);
        client.put("billing/limits", json!({})).await.expect(200);
        client.run(&asks, json!(1)).await;
    })
    .await;
}
