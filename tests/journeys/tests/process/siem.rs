//! R236, R238: whoever runs the server gives the system's chain a destination from the command line, beside a running
//! server, which delivers to it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use journeys::{
    doubles::{Double, judge, say},
    eventually,
};
use serde_json::{Value as Json, json};

use crate::support::Installation;

#[tokio::test(flavor = "multi_thread")]
async fn the_installation_has_a_destination_of_its_own() {
    let mut here = Installation::new();
    here.set("NODELOOM_EGRESS__ALLOW_PRIVATE", "127.0.0.1");
    let taken: Arc<Mutex<Vec<Json>>> = Arc::default();
    let own = taken.clone();
    let receiver = Double::playing([judge(move |seen| {
        let events = seen.text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()["event"].clone());
        own.lock().unwrap().extend(events);
        say(json!({ "text": "Success", "code": 0 }))
    })])
    .await;
    let server = here.serve().await;
    let secret = "canary-token-of-the-installation";
    let file = here.file(
        "siem.json",
        &json!({ "name": "soc", "to": { "kind": "splunk_hec", "url": receiver.url("") }, "secrets": { "token": secret },
            "start": "beginning" })
        .to_string(),
    );
    assert!(here.run(&["siem", "list"]).out.contains("no SIEM destination"));
    let said = here.run(&["siem", "add", &file]);
    assert!(said.code == 0 && said.out.contains("soc is added") && !said.all().contains(secret), "{said:?}");
    let said = here.run(&["siem", "add", &file]);
    assert!(said.code == 1 && !said.all().contains(secret), "a name once: {said:?}");
    let said = here.run(&["siem", "test", "soc"]);
    assert!(said.code == 0 && said.out.contains("delivered"), "{said:?}");
    let of = |stream: &str| -> Vec<i64> {
        let taken = taken.lock().unwrap();
        let of_stream = taken.iter().filter(|event| event["stream"] == stream);
        of_stream.map(|event| event["sequence"].as_i64().unwrap()).collect()
    };
    let patience = Duration::from_secs(60);
    eventually("the chain and a checkpoint arrive", patience, || async { (of("audit").len() >= 4).then_some(()) })
        .await;
    let before = of("audit");
    assert_eq!(before, (1..=before.len() as i64).collect::<Vec<_>>(), "in order, without a gap");
    assert!(taken.lock().unwrap().iter().all(|event| event["team"] == "installation"));
    let said = here.run(&["siem", "replay", "soc", "audit", "2"]);
    assert!(said.code == 0, "{said:?}");
    eventually("it is sent again", patience, || async {
        (of("audit").iter().filter(|sequence| **sequence == 2).count() == 2).then_some(())
    })
    .await;
    let said = here.run(&["siem", "list"]);
    assert!(said.code == 0 && said.out.starts_with("soc (splunk_hec): ok, "), "{said:?}");
    for words in [
        &["siem", "replay", "soc", "security", "1"][..],
        &["siem", "replay", "soc", "audit", "0"],
        &["siem", "test", "no"],
    ] {
        assert_eq!(here.run(words).code, 1, "{words:?}");
    }
    assert_eq!(here.run(&["siem", "remove", "soc"]).code, 0);
    assert!(here.run(&["siem", "list"]).out.contains("no SIEM destination"));
    let said = here.run(&["audit", "verify"]);
    assert!(said.code == 0, "{said:?}");
    drop(server);
}
