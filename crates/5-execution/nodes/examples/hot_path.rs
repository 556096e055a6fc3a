//! What a run of webhook → transform → respond costs without storage: `cargo run --release -p nodes --example hot_path`.

use std::{error::Error, sync::Arc, time::Instant};

use domain::{Environment, RunId, Timestamp, Value};
use serde_json::json;
use workflow::{Definition, Machine, Plan, RunInfo};

fn main() -> Result<(), Box<dyn Error>> {
    let registry = nodes::registry();
    let document = json!({ "nodes": [
        { "type": "WEBHOOK" },
        { "type": "TRANSFORM", "parameters": { "template": { "answer": "Hello {{ input.body.name }}", "items": "{{ input.body.items }}" } } },
        { "type": "RESPOND", "parameters": { "status": 200, "headers": { "x-run": "{{ run.id }}" } } }
    ] });
    let begun = Instant::now();
    let plan = Arc::new(Plan::new(Arc::new(Definition::parse(&document, &registry)?), registry)?);
    println!("parse, validate and compile: {:?}", begun.elapsed());
    let at = Timestamp::from_micros(1_700_000_000_000_000);
    let run = RunInfo {
        id: RunId::new(at, [1; 10]),
        started_at: at,
        environment: Environment::Production,
        workflow: "w".into(),
    };
    let input =
        json!({ "headers": { "content-type": "application/json" }, "body": { "name": "Ada", "items": [1, 2, 3] } });
    let rounds = 20_000;
    let begun = Instant::now();
    for _ in 0..rounds {
        let mut machine = Machine::new(plan.clone(), run.clone(), Value::from_outside(input.clone()), None)?;
        machine.advance();
        assert!(machine.outcome().is_some());
        machine.changes();
    }
    println!("one run: {:?}", begun.elapsed() / rounds);
    Ok(())
}
