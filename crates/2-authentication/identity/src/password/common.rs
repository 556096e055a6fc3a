//! Passwords that a guesser tries first, recognised by what they are made of besides the list in `breached`: one or two
//! well-known words with digits and signs around them, rows of the keyboard, counting, and repetition. From the words
//! below that is many more than the few million of the usual lists.

/// Words that passwords are made of, in lower case.
const WORDS: &str = "
password passwort passwd passphrase pass parola contrasena motdepasse kennwort wachtwoord senha mypassword
admin administrator root user username guest login logon signin welcome willkommen bienvenue default changeme change
letmein let me in open opensesame sesame secret secrets geheim private access test tester testing demo example sample
temp temporary master super superuser supervisor manager system server service security secure database backup
computer internet network windows linux ubuntu debian apple google microsoft facebook amazon oracle cisco github
docker kubernetes cloud devops production staging development developer nodeloom agent workflow company office work
hello hallo bonjour ciao love iloveyou ilove you loveyou lovely baby babygirl sweetheart honey darling angel princess
prince queen king boss monkey dragon tiger lion panther eagle falcon phoenix wolf bear shark dolphin horse pony
kitty kitten puppy doggy rabbit butterfly spider scorpion snake unicorn football baseball basketball soccer hockey
tennis golf cricket rugby liverpool arsenal chelsea barcelona realmadrid juventus yankees lakers cowboys steelers
superman batman spiderman ironman wonderwoman starwars startrek pokemon pikachu minecraft fortnite nintendo mario
zelda sonic naruto matrix gandalf merlin hobbit potter harrypotter hogwarts voldemort yoda vader jedi skywalker
shadow sunshine sunflower flower rainbow summer winter spring autumn monday tuesday wednesday thursday friday saturday
sunday january february march april may june july august september october november december morning evening midnight
michael jennifer jessica ashley daniel david robert thomas charlie george andrew joshua matthew christopher
anthony william james john joseph richard maria anna laura julia sarah hannah nicole michelle amanda melissa samantha
elizabeth alexander alexandra victoria natalie stephanie patrick peter martin stefan andreas sebastian benjamin
america american canada england london paris berlin germany france spain italy russia moscow china india mexico
brazil australia newyork chicago boston texas california florida dallas austin denver
money dollar million lucky winner freedom forever always nothing whatever trustno trustnoone trust starlight diamond
silver golden platinum crystal purple orange yellow green black white blue pink cookie cheese chocolate banana
cherry pepper ginger coffee pizza whiskey vodka guitar music rockstar rock metal metallica nirvana eminem
slipknot killer hunter ranger warrior ninja samurai knight soldier marine army navy police fire mustang porsche
ferrari mercedes corvette harley yamaha honda toyota jordan maverick hacker hacking fuckyou fuckme fuck asshole
bitch pussy sexy jesus christ heaven blessed faith church god bible genesis hope peace lord
zxcvbnm zxcvbn asdfghjkl asdfgh qwertyuiop qwerty qwertz azerty qazwsx qwaszx wasd abc abcd abcdef abcdefg xyz
aaa one two three four five six seven eight nine ten zero number code key keys token mobile phone samsung iphone
android nokia pc pw pwd my the your our is new old big best good great";

/// Rows that fingers run along, forwards or backwards.
const ROWS: [&str; 8] = [
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklm",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// At least this share of a password must not lie on rows.
const MIN_RUN: usize = 4;

/// Whether a guesser would come to `password` soon. `own` is the account's own name.
pub(super) fn is_common(password: &str, own: &str) -> bool {
    let lower: Vec<char> = password.chars().flat_map(char::to_lowercase).collect();
    if repeats(&lower) || distinct(&lower) < 5 || along_rows(&lower) {
        return true;
    }
    let own: Vec<String> = own.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase).collect();
    let own: Vec<&str> = own.iter().map(String::as_str).filter(|part| part.len() >= 3).collect();
    // as typed, and with the usual disguises taken off
    [letters(&lower, false), letters(&lower, true)].iter().any(|text| made_of_words(text, &own))
}

/// The same piece again and again.
fn repeats(text: &[char]) -> bool {
    (1..=text.len() / 2).any(|period| text.iter().zip(&text[period..]).all(|(a, b)| a == b))
}

fn distinct(text: &[char]) -> usize {
    let mut seen: Vec<char> = text.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

/// Whether nearly all of it is runs of at least four along a row.
fn along_rows(text: &[char]) -> bool {
    let rows: Vec<Vec<char>> =
        ROWS.iter().flat_map(|row| [row.chars().collect::<Vec<_>>(), row.chars().rev().collect()]).collect();
    let longest = |rest: &[char]| -> usize {
        let run = |row: &[char]| {
            let from = |start: usize| row[start..].iter().zip(rest).take_while(|(a, b)| a == b).count();
            (0..row.len()).map(from).max().unwrap_or(0)
        };
        rows.iter().map(|row| run(row)).max().unwrap_or(0)
    };
    let (mut at, mut outside) = (0, 0);
    while at < text.len() {
        let run = longest(&text[at..]);
        if run >= MIN_RUN {
            at += run;
        } else {
            outside += 1;
            at += 1;
        }
    }
    outside <= 3
}

/// Letters only; digits and signs that stand for letters are read as such when `undisguise`, and dropped otherwise.
fn letters(text: &[char], undisguise: bool) -> String {
    // a tail of digits and signs is decoration, never letters
    let end = text.iter().rposition(|c| c.is_alphabetic()).map_or(0, |last| last + 1);
    let disguised = |c: char| match c {
        '0' => Some('o'),
        '1' | '!' | '|' => Some('i'),
        '3' => Some('e'),
        '4' | '@' => Some('a'),
        '5' | '$' => Some('s'),
        '7' => Some('t'),
        '8' => Some('b'),
        _ => None,
    };
    let read = |c: &char| {
        if c.is_alphabetic() {
            Some(*c)
        } else if undisguise {
            disguised(*c)
        } else {
            None
        }
    };
    text[..end].iter().filter_map(read).collect()
}

/// Whether it is nothing but one or two known words (or the same few again), with at most two letters left over.
fn made_of_words(text: &str, own: &[&str]) -> bool {
    if text.is_empty() {
        // digits and signs only: twelve of them in no row are as good as letters
        return false;
    }
    fewest_words(text, own).is_some_and(|words| words <= 2)
}

fn fewest_words(text: &str, own: &[&str]) -> Option<usize> {
    let words: Vec<&str> = WORDS.split_whitespace().chain(own.iter().copied()).collect();
    let mut fewest: Vec<Option<usize>> = vec![None; text.len() + 1];
    fewest[0] = Some(0);
    for at in 0..text.len() {
        let Some(so_far) = fewest[at] else { continue };
        let Some(rest) = text.get(at..) else { continue };
        for word in words.iter().filter(|word| rest.starts_with(**word)) {
            let end = at + word.len();
            // a word that just stood there again adds nothing to guess
            let again = text[..at].ends_with(word);
            let count = so_far + usize::from(!again);
            fewest[end] = Some(fewest[end].map_or(count, |known| known.min(count)));
        }
    }
    let end = fewest.len() - 1;
    (end.saturating_sub(2)..=end).filter_map(|at| fewest[at]).filter(|words| *words > 0).min()
}
