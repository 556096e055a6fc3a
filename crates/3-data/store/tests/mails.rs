//! Mails that wait: taken once, tried again, given up, on both databases.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use domain::Timestamp;
use harness::{on_both, system, uuid};
use store::mails::MailState;

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_taken_by_one_and_ends_in_one_of_two_ways() {
    on_both(async |ground| {
        let store = &ground.store;
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        let at = move |seconds| start + Duration::from_secs(seconds);
        store.keep_mail(system(), uuid(1), "inv_1".to_owned(), vec![1, 2], at(10)).await.unwrap();
        store.keep_mail(system(), uuid(2), String::new(), vec![3], at(20)).await.unwrap();
        store.keep_mail(system(), uuid(3), String::new(), vec![4], at(30)).await.unwrap();
        assert_eq!(store.take_mail(system(), at(5), at(60)).await.unwrap(), None);
        assert_eq!(store.mail_about(system(), "inv_1").await.unwrap(), Some(MailState::Waiting));
        assert_eq!(store.mail_about(system(), "").await.unwrap(), None);
        let first = store.take_mail(system(), at(40), at(100)).await.unwrap().unwrap();
        assert_eq!((first.id, first.sealed.as_slice(), first.attempts), (uuid(1), &[1, 2][..], 2));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.take_mail(system(), at(40), at(100)).await.unwrap() })
            })
            .collect();
        let mut taken = Vec::new();
        for task in tasks {
            taken.extend(task.await.unwrap().map(|mail| mail.id));
        }
        taken.sort();
        assert_eq!(taken, [uuid(2), uuid(3)], "each by one");
        store.mail_again(system(), uuid(2), at(50)).await.unwrap();
        assert_eq!(store.take_mail(system(), at(50), at(99)).await.unwrap().unwrap().attempts, 3);
        store.mail_sent(system(), uuid(2)).await.unwrap();
        store.mail_dead(system(), uuid(1), start).await.unwrap();
        assert_eq!(store.mail_about(system(), "inv_1").await.unwrap(), Some(MailState::Dead));
        assert_eq!(
            store.take_mail(system(), at(200), at(300)).await.unwrap().unwrap().id,
            uuid(3),
            "the dead stay dead"
        );
        store.keep_mail(system(), uuid(4), "inv_1".to_owned(), vec![5], at(400)).await.unwrap();
        assert_eq!(store.mail_about(system(), "inv_1").await.unwrap(), Some(MailState::Waiting), "the newest counts");
        store.forget_mail_about(system(), "inv_1".to_owned()).await.unwrap();
        assert_eq!(store.mail_about(system(), "inv_1").await.unwrap(), None);
    })
    .await;
}
