//! The writer, the audit trail and the events, on both databases.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use authz::action::{ViewAudit, ViewWorkflow};
use domain::{AuditId, AuditResult, EventKind, NewEvent};
use harness::{Ground, on_both, permit, scope, system, team, uuid};
use serde_json::json;
use store::{AuditFilter, AuditRowDraft, ChainKey, Effects, PageRequest};

fn draft(team: u128, n: u128, ground: &Ground) -> AuditRowDraft {
    AuditRowDraft {
        chain: ChainKey::Of(scope(team)),
        id: AuditId::from_uuid(uuid(n)),
        at: ground.clock.now(),
        operation: "workflow.publish".to_owned(),
        target: n.is_multiple_of(2).then(|| format!("wf_{n}")),
        result: AuditResult::Succeeded,
        request: None,
        intent: None,
        subject: Some([7; 32]),
        body: format!("entry {n} 'quoted' \u{0} ü").into_bytes(),
    }
}

fn event(team: u128, n: i64, ground: &Ground) -> NewEvent {
    let payload = json!({ "n": n, "text": "a \"quoted\" ü \u{0} line\n" });
    NewEvent {
        scope: scope(team),
        at: ground.clock.now(),
        kind: EventKind::RunStarted,
        workflow: None,
        run: None,
        payload,
    }
}

/// R006: every recorded act is found again, linked and in order, by its own team alone.
#[tokio::test(flavor = "multi_thread")]
async fn entries_are_linked_in_order_and_seen_by_their_team_alone() {
    on_both(async |ground| {
        let store = &ground.store;
        let all = (1..=100).map(|n| {
            let effects = Effects::audited(vec![draft(1 + n % 2, n, ground)]);
            let store = store.clone();
            tokio::spawn(async move { store.record(effects).await })
        });
        for task in all.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        let head = store.audit_head(system(), &ChainKey::Of(scope(1))).await.unwrap().unwrap();
        assert_eq!(head.seq, 50);
        let range = store.audit_range(system(), &ChainKey::Of(scope(1)), 1, 500).await.unwrap();
        assert_eq!(range.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
        assert_eq!(range.last().unwrap().hash, head.hash);
        assert!(range.iter().all(|e| e.target.is_some() && e.entry.starts_with(b"entry ")));

        let filter = AuditFilter { target: Some("wf_10".to_owned()), ..AuditFilter::default() };
        let found = store.audit_entries(&permit::<ViewAudit>(1), &filter, &PageRequest::default()).await.unwrap();
        assert_eq!(found.items.len(), 1);
        let theirs = store.audit_entries(&permit::<ViewAudit>(2), &filter, &PageRequest::default()).await.unwrap();
        assert_eq!(theirs.items.len(), 0);
        let id = found.items[0].id;
        assert!(store.audit_entry(&permit::<ViewAudit>(2), id).await.unwrap().is_none());
        assert_eq!(store.audit_entry(&permit::<ViewAudit>(1), id).await.unwrap().as_ref(), Some(&found.items[0]));

        let mut page = PageRequest::first(20);
        let mut seen = Vec::new();
        loop {
            let part = store.audit_entries(&permit::<ViewAudit>(1), &AuditFilter::default(), &page).await.unwrap();
            seen.extend(part.items.iter().map(|e| e.seq));
            let Some(next) = part.next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen, (1..=50).rev().collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_count_without_gaps_per_team() {
    on_both(async |ground| {
        let store = &ground.store;
        let mut news = store.news();
        let all = (0..200).map(|n| {
            let effects =
                Effects { audit: vec![], events: vec![event(1 + n % 2, n as i64, ground); 2], ..Effects::none() };
            let store = store.clone();
            tokio::spawn(async move { store.record(effects).await })
        });
        for task in all.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        let mine = store.events_after(&permit::<ViewWorkflow>(1), 0, 1000).await.unwrap();
        assert_eq!(mine.iter().map(|e| e.sequence).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
        assert!(mine.iter().all(|e| e.scope.team == team(1) && e.payload["text"] == "a \"quoted\" ü \u{0} line\n"));
        assert_eq!(store.last_event(&permit::<ViewWorkflow>(2)).await.unwrap(), 200);
        assert_eq!(store.last_event(&permit::<ViewWorkflow>(3)).await.unwrap(), 0);
        assert!(news.recv().await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subject_keys_are_kept_once_and_can_be_destroyed() {
    on_both(async |ground| {
        let store = &ground.store;
        assert_eq!(store.keep_subject_key(system(), [1; 32], vec![1]).await.unwrap(), vec![1]);
        assert_eq!(store.keep_subject_key(system(), [1; 32], vec![2]).await.unwrap(), vec![1]);
        assert!(store.forget_subject_key(system(), [1; 32], Effects::none()).await.unwrap());
        assert_eq!(store.subject_key(system(), [1; 32]).await.unwrap(), None);
    })
    .await;
}

/// Two servers on one database write one chain and one stream, in turn.
#[tokio::test(flavor = "multi_thread")]
async fn two_writers_share_a_chain() {
    on_both(async |ground| {
        let other = store::Store::open(&ground.config, ground.clock.clock(), Arc::new(harness::PlainLinker)).await;
        let stores = [ground.store.clone(), other.unwrap()];
        let all = (1..=200).map(|n| {
            let effects = Effects {
                audit: vec![draft(1, n, ground)],
                events: vec![event(1, n as i64, ground)],
                ..Effects::none()
            };
            let store = stores[n as usize % 2].clone();
            tokio::spawn(async move { store.record(effects).await })
        });
        for task in all.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        let range = stores[0].audit_range(system(), &ChainKey::Of(scope(1)), 1, 500).await.unwrap();
        assert_eq!(range.iter().map(|e| e.seq).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
        assert_eq!(stores[1].last_event(&permit::<ViewWorkflow>(1)).await.unwrap(), 200);
        stores[1].close().await;
    })
    .await;
}
