//! Names of people and places: an optional tier.

use pii::{Detector, Kind};

fn found(text: &str) -> Vec<(Kind, String)> {
    let entities = Detector::with_names().find(text);
    entities.into_iter().map(|e| (e.kind, text[e.span.start..e.span.end].to_owned())).collect()
}

#[track_caller]
fn finds(text: &str, kind: Kind, value: &str) {
    let found = found(text);
    assert!(found.iter().any(|(k, v)| *k == kind && v == value), "{value:?} not in {text:?}: {found:?}");
}

/// Issue 3: off unless asked for, by the detector, by the kind or by name.
#[test]
fn names_are_off_by_default() {
    let text = "My name is Agatha Miller and I live in Lisbon.";
    assert!(Detector::standard().find(text).is_empty());
    assert_eq!(pii::redact(text), text);
    assert_eq!(found(text).len(), 2);
    assert_eq!(Detector::only([Kind::Person]).find(text).len(), 1);
    assert_eq!(Detector::only([Kind::EmailAddress]).find(text).len(), 0);
}

/// Issue 3: titles, introductions, given names with surnames, possessives and particles.
#[test]
fn people() {
    finds("Please ask Mrs. Okonkwo-Reilly about it.", Kind::Person, "Okonkwo-Reilly");
    finds("My name is Xolani Zungu.", Kind::Person, "Xolani Zungu");
    finds("Dear Priya Raman, thank you for your letter.", Kind::Person, "Priya Raman");
    finds("We met Johanna van der Berg at the fair.", Kind::Person, "Johanna van der Berg");
    finds("I spoke with John Q. Public yesterday.", Kind::Person, "John Q. Public");
    finds("This is Anna's car.", Kind::Person, "Anna");
    finds("Ich heiße Wolfgang Petry.", Kind::Person, "Wolfgang Petry");
    finds("Name: Zorblax Quux", Kind::Person, "Zorblax Quux");
}

/// Issue 3: known places, streets and what somebody says they live in.
#[test]
fn places() {
    finds("The office in New York moves to São Paulo.", Kind::Location, "New York");
    finds("The office in New York moves to São Paulo.", Kind::Location, "São Paulo");
    finds("Send it to 221b Baker Street, please.", Kind::Location, "221b Baker Street");
    finds("Ich wohne in der Hauptstraße 5.", Kind::Location, "Hauptstraße 5");
    finds("She lives in Llanfair now.", Kind::Location, "Llanfair");
}

/// Words that are names elsewhere, and capitals that are none.
#[test]
fn ordinary_words_are_left() {
    for text in [
        "Will you mark the bill for May?",
        "Please Select The Option You Want.",
        "The Internet Explorer window was closed on Monday.",
        "Hope this helps. Grace period ends in June.",
        "Thanks! The Support Team",
        "TODO: FIX THE BUILD",
        "Rose prices rose in spring.",
    ] {
        assert!(found(text).is_empty(), "{text:?}: {:?}", found(text));
    }
}

/// Personal data beside names is found all the same, once each and in order; a megabyte of capitals ends.
#[test]
fn names_stand_beside_the_rest() {
    let text = "Anna Schmidt, anna@example.com, Berlin, +49 30 901820";
    let kinds: Vec<Kind> = found(text).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::Person, Kind::EmailAddress, Kind::Location, Kind::PhoneNumber]);
    let begun = std::time::Instant::now();
    Detector::with_names().find(&"Anna Maria de la Cruz New York ".repeat(33_000));
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}
