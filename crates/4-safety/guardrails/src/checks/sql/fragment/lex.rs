//! Reads text as SQL would, without caring whether it is.

/// A word of SQL, as far as the shapes care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
    /// `@name`, `@@name`.
    Variable,
    /// Any other word.
    Word,
    /// A known function's name right before a bracket.
    Function,
    /// AND, OR, XOR, `&&`, `||`, DIV, MOD.
    Logic,
    Not,
    /// `=`, `<`, LIKE, IN, IS, …
    Compare,
    /// `+`, `-`, `*`, …
    Arithmetic,
    Union,
    Select,
    From,
    Where,
    /// INSERT, UPDATE, DELETE, DROP, EXEC, …
    Act,
    /// ORDER, GROUP, HAVING, LIMIT, PROCEDURE, INTO.
    Tail,
    By,
    /// ALL, DISTINCT.
    Every,
    /// NULL, TRUE, FALSE, CURRENT_USER, …
    Constant,
    /// CASE, WHEN, BINARY, COLLATE, …
    Other,
    Open,
    Close,
    Comma,
    Semicolon,
    Comment,
    Dot,
    Sign,
}

/// A token: what, where, and the word in lower case where it matters.
#[derive(Debug, Clone)]
pub struct Token<'t> {
    pub kind: Kind,
    pub end: usize,
    pub text: &'t str,
}

const FUNCTIONS: &[&str] = &[
    "abs",
    "acos",
    "aes_decrypt",
    "aes_encrypt",
    "ascii",
    "asin",
    "atan",
    "avg",
    "benchmark",
    "bin",
    "bit_and",
    "cast",
    "ceil",
    "char",
    "char_length",
    "chr",
    "coalesce",
    "compress",
    "concat",
    "concat_ws",
    "connection_id",
    "conv",
    "convert",
    "cos",
    "count",
    "curdate",
    "curtime",
    "current_user",
    "database",
    "date",
    "db_name",
    "decode",
    "degrees",
    "elt",
    "encode",
    "exp",
    "exists",
    "extractvalue",
    "field",
    "find_in_set",
    "floor",
    "format",
    "from_base64",
    "group_concat",
    "greatest",
    "hex",
    "host_name",
    "if",
    "ifnull",
    "insert",
    "instr",
    "is_srvrolemember",
    "isnull",
    "json_keys",
    "lcase",
    "least",
    "left",
    "length",
    "ln",
    "load_file",
    "locate",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "make_set",
    "max",
    "md5",
    "mid",
    "min",
    "mod",
    "name_const",
    "now",
    "nullif",
    "object_id",
    "octet_length",
    "ord",
    "password",
    "pg_sleep",
    "pi",
    "polygon",
    "position",
    "pow",
    "power",
    "quote",
    "radians",
    "rand",
    "randomblob",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_count",
    "rpad",
    "rtrim",
    "schema",
    "session_user",
    "sha",
    "sha1",
    "sha2",
    "sign",
    "sin",
    "sleep",
    "space",
    "sqrt",
    "strcmp",
    "str",
    "stuff",
    "substr",
    "substring",
    "sum",
    "system_user",
    "tan",
    "to_base64",
    "to_char",
    "trim",
    "truncate",
    "ucase",
    "unhex",
    "updatexml",
    "upper",
    "user",
    "user_name",
    "utc_date",
    "uuid",
    "version",
    "xmltype",
    "year",
    "dbms_pipe.receive_message",
    "row",
    "values",
    "nvl",
    "soundex",
    "bit_length",
    "crc32",
    "collation",
    "charset",
    "current_database",
    "inet_aton",
    "last_insert_id",
    "localtime",
    "localtimestamp",
    "log10",
    "log2",
    "sysdate",
    "timestamp",
    "export_set",
    "makedate",
    "linestring",
    "multipoint",
    "geometrycollection",
    "bit_xor",
    "release_lock",
    "get_lock",
    "is_member",
    "servername",
    "suser_sname",
    "suser_name",
    "quotename",
    "patindex",
    "newid",
    "datalength",
    "len",
    "choose",
    "iif",
    "load_extension",
    "sqlite_version",
    "typeof",
    "unlikely",
    "likely",
    "current_setting",
    "lastval",
    "substring_index",
    "json_object",
    "gtid_subset",
    "std",
    "stddev",
    "array_agg",
    "row_to_json",
    "dbms_xmlgen.getxml",
    "ctxsys.drithsx.sn",
    "utl_inaddr.get_host_address",
    "query_to_xml",
    "jsonb_each",
    "json_extract",
    "string_agg",
    "xmlserialize",
    "strcomp",
    "coercibility",
    "uncompress",
    "rowid",
];

fn word_kind(word: &str, before_bracket: bool) -> Kind {
    match word {
        "and" | "or" | "xor" => Kind::Logic,
        "div" | "mod" if !before_bracket => Kind::Arithmetic,
        "not" => Kind::Not,
        "like" | "rlike" | "regexp" | "in" | "is" | "between" | "sounds" | "similar" | "glob" | "ilike" | "match"
        | "against" => Kind::Compare,
        "union" | "intersect" | "except" | "minus" => Kind::Union,
        "select" => Kind::Select,
        "from" => Kind::From,
        "where" => Kind::Where,
        "insert" | "update" | "delete" | "drop" | "exec" | "execute" | "declare" | "shutdown" | "alter" | "create"
        | "truncate" | "grant" | "waitfor" | "begin" | "merge" | "replace" | "call" | "backup" | "kill" | "use"
        | "load" | "set" | "handler" | "rename" | "copy" | "do"
            if !before_bracket || word != "replace" && word != "insert" =>
        {
            Kind::Act
        }
        "order" | "group" | "having" | "limit" | "procedure" | "into" | "offset" => Kind::Tail,
        "by" => Kind::By,
        "all" | "distinct" | "distinctrow" | "top" => Kind::Every,
        "null" | "true" | "false" | "current_user" | "current_date" | "current_time" | "current_timestamp"
        | "session_user" | "system_user" | "localtime" | "localtimestamp" | "sysdate" | "utc_date"
            if !before_bracket =>
        {
            Kind::Constant
        }
        "case" | "when" | "then" | "else" | "end" | "binary" | "collate" | "as" | "using" | "escape" | "interval"
        | "on" | "join" => Kind::Other,
        _ if before_bracket && FUNCTIONS.contains(&word) => Kind::Function,
        _ => Kind::Word,
    }
}

fn push<'t>(out: &mut Vec<Token<'t>>, text: &'t str, kind: Kind, start: usize, end: usize) {
    if let Some(text) = text.get(start..end) {
        out.push(Token { kind, end, text });
    }
}

/// The tokens of `text`; `inside`: the text begins inside this quote.
pub fn tokens(text: &str, inside: Option<char>) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut out: Vec<Token<'_>> = Vec::new();
    let mut i = 0;
    if let Some(quote) = inside {
        i = end_of_text(bytes, 0, quote as u8);
        push(&mut out, text, Kind::Text, 0, i);
    }
    while i < bytes.len() && out.len() < 4_000 {
        let b = bytes[i];
        let next = bytes.get(i + 1).copied().unwrap_or(0);
        let start = i;
        match b {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0xa0 | 0 => {
                i += 1;
                continue;
            }
            b'\'' | b'"' => {
                i = end_of_text(bytes, i + 1, b);
                push(&mut out, text, Kind::Text, start, i);
            }
            b'`' => {
                i = end_of_text(bytes, i + 1, b);
                push(&mut out, text, Kind::Word, start, i);
            }
            b'/' if next == b'*' => {
                let close = text.get(i + 2..).and_then(|rest| rest.find("*/")).map(|at| i + 2 + at);
                // A versioned comment is SQL to the database that runs it.
                if bytes.get(i + 2) == Some(&b'!') {
                    i += 3;
                    while i < bytes.len() && bytes[i].is_ascii_digit() {
                        i += 1;
                    }
                    continue;
                }
                i = close.map_or(bytes.len(), |at| at + 2);
                push(&mut out, text, Kind::Comment, start, i);
            }
            b'*' if next == b'/' => i += 2,
            b'-' if next == b'-' => {
                i = line_end(bytes, i);
                push(&mut out, text, Kind::Comment, start, i);
            }
            b'#' => {
                i = line_end(bytes, i);
                push(&mut out, text, Kind::Comment, start, i);
            }
            b'0'..=b'9' => {
                while i < bytes.len() && (bytes[i].is_ascii_alphanumeric() || bytes[i] == b'.') {
                    // `1or 2`, `1union`: MySQL ends the number where its digits end.
                    if bytes[i].is_ascii_alphabetic() && !is_numeric_tail(&bytes[start..i], bytes[i]) {
                        break;
                    }
                    i += 1;
                }
                push(&mut out, text, Kind::Number, start, i.max(start + 1));
                i = i.max(start + 1);
            }
            b'.' if next.is_ascii_digit() => {
                i += 1;
                while i < bytes.len() && bytes[i].is_ascii_digit() {
                    i += 1;
                }
                push(&mut out, text, Kind::Number, start, i);
            }
            b'@' => {
                i += 1;
                while i < bytes.len() && (bytes[i].is_ascii_alphanumeric() || matches!(bytes[i], b'@' | b'_' | b'$')) {
                    i += 1;
                }
                push(&mut out, text, Kind::Variable, start, i);
            }
            // MySQL's other spelling of NULL.
            b'\\' if next == b'N' => {
                i += 2;
                push(&mut out, text, Kind::Constant, start, i);
            }
            b'(' | b'{' => {
                i += 1;
                push(&mut out, text, Kind::Open, start, i);
            }
            b')' | b'}' => {
                i += 1;
                push(&mut out, text, Kind::Close, start, i);
            }
            b',' => {
                i += 1;
                push(&mut out, text, Kind::Comma, start, i);
            }
            b';' => {
                i += 1;
                push(&mut out, text, Kind::Semicolon, start, i);
            }
            b'.' => {
                i += 1;
                push(&mut out, text, Kind::Dot, start, i);
            }
            b'|' if next == b'|' => {
                i += 2;
                push(&mut out, text, Kind::Logic, start, i);
            }
            b'&' if next == b'&' => {
                i += 2;
                push(&mut out, text, Kind::Logic, start, i);
            }
            b'=' | b'<' | b'>' | b'!' => {
                while i < bytes.len() && matches!(bytes[i], b'=' | b'<' | b'>' | b'!') {
                    i += 1;
                }
                // `==` and `=>` belong to programs.
                let signs = &bytes[start..i];
                let kind = match signs {
                    b"==" | b"===" | b"!==" | b"=>" | b"=<" => Kind::Sign,
                    b"<<" | b">>" => Kind::Arithmetic,
                    _ if signs.iter().all(|b| *b == b'!') => Kind::Not,
                    _ => Kind::Compare,
                };
                push(&mut out, text, kind, start, i);
            }
            b':' if next == b'=' => {
                i += 2;
                push(&mut out, text, Kind::Compare, start, i);
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'|' | b'&' | b'~' => {
                i += 1;
                push(&mut out, text, Kind::Arithmetic, start, i);
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80.. => {
                while i < bytes.len() && (bytes[i].is_ascii_alphanumeric() || matches!(bytes[i], b'_' | b'$' | 0x80..))
                {
                    i += 1;
                }
                let mut after = i;
                while after < bytes.len() && (bytes[after].is_ascii_whitespace()) {
                    after += 1;
                }
                let word = text.get(start..i).unwrap_or("").to_ascii_lowercase();
                let prefixed = matches!(word.as_str(), "x" | "b" | "n" | "e" | "_latin1" | "_utf8")
                    && bytes.get(i) == Some(&b'\'');
                if prefixed {
                    continue;
                }
                push(&mut out, text, word_kind(&word, bytes.get(after) == Some(&b'(')), start, i);
            }
            _ => {
                i += 1;
                push(&mut out, text, Kind::Sign, start, i);
            }
        }
    }
    out
}

/// `0x41`, `1e5`, `0b01`.
fn is_numeric_tail(before: &[u8], b: u8) -> bool {
    match before {
        b"0" => matches!(b, b'x' | b'X' | b'b' | b'B'),
        [b'0', b'x' | b'X', ..] => b.is_ascii_hexdigit(),
        _ => matches!(b, b'e' | b'E') && !before.iter().any(u8::is_ascii_alphabetic),
    }
}

fn end_of_text(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut i = from;
    while i < bytes.len() {
        if bytes[i] == b'\\' {
            i += 2;
        } else if bytes[i] == quote {
            if bytes.get(i + 1) == Some(&quote) {
                i += 2;
            } else {
                return i + 1;
            }
        } else {
            i += 1;
        }
    }
    bytes.len()
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| from + at + 1)
}
