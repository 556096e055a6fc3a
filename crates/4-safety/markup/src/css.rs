//! Style declarations and style sheets: properties and values from allow-lists, written anew from their tokens, so that
//! no escape, comment or broken string of the input reaches the output.

use cssparser::{
    AtRuleParser, CowRcStr, DeclarationParser, ParseError, Parser, ParserState, QualifiedRuleParser,
    RuleBodyItemParser, RuleBodyParser, StyleSheetParser, ToCss as _, Token,
};

use crate::{MAX_BYTES, TooLarge};

/// Properties that change how a text looks. None moves a box out of its place (`position`, `z-index`), loads anything,
/// or binds behaviour.
const PROPERTIES: &[&str] = &[
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-style",
    "border-top-width",
    "border-width",
    "color",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
    "word-spacing",
];

/// Functions that compute a colour or a length and load nothing.
const FUNCTIONS: &[&str] = &["rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp"];

/// Values nest no deeper than this.
const DEEPEST: usize = 8;

type Refused = ParseError<()>;

/// The harmless ones of `a: b; c: d`, joined by `; `.
pub fn declarations(text: &str) -> String {
    if text.len() > MAX_BYTES { String::new() } else { body(&mut Parser::new(text)) }
}

/// The harmless rules of a style sheet, one a line. At-rules (`@import`, `@font-face`, …) go, and so do rules of which
/// nothing is left.
///
/// # Errors
/// [`TooLarge`].
pub fn stylesheet(text: &str) -> Result<String, TooLarge> {
    if text.len() > MAX_BYTES {
        return Err(TooLarge);
    }
    let mut input = Parser::new(text);
    Ok(StyleSheetParser::new(&mut input, &mut Rules).flatten().filter(|rule| !rule.is_empty()).collect())
}

fn body(input: &mut Parser<'_>) -> String {
    RuleBodyParser::new(input, &mut Body).flatten().collect::<Vec<_>>().join("; ")
}

struct Body;
struct Rules;

impl<'i> DeclarationParser<'i> for Body {
    type Declaration = String;
    type Error = ();
    fn parse_value(&mut self, name: CowRcStr<'i>, input: &mut Parser<'i>, _: &ParserState) -> Result<String, Refused> {
        let name = name.to_ascii_lowercase();
        if !PROPERTIES.contains(&name.as_str()) {
            return Err(Refused::unexpected_token());
        }
        let value = written(input, &|token| in_value(token, name == "font-family"), 0)?;
        Ok(format!("{name}: {}", value.trim()))
    }
}
impl AtRuleParser<'_> for Body {
    type Prelude = ();
    type AtRule = String;
    type Error = ();
}
impl QualifiedRuleParser<'_> for Body {
    type Prelude = ();
    type QualifiedRule = String;
    type Error = ();
}
impl RuleBodyItemParser<'_, String, ()> for Body {
    fn parse_declarations(&self) -> bool {
        true
    }
    fn parse_qualified(&self) -> bool {
        false
    }
}

impl AtRuleParser<'_> for Rules {
    type Prelude = ();
    type AtRule = String;
    type Error = ();
}
impl<'i> QualifiedRuleParser<'i> for Rules {
    type Prelude = String;
    type QualifiedRule = String;
    type Error = ();
    fn parse_prelude(&mut self, input: &mut Parser<'i>) -> Result<String, Refused> {
        written(input, &in_selector, 0)
    }
    fn parse_block(&mut self, selector: String, _: &ParserState, input: &mut Parser<'i>) -> Result<String, Refused> {
        let kept = body(input);
        Ok(if kept.is_empty() { kept } else { format!("{} {{ {kept} }}\n", selector.trim()) })
    }
}

fn in_value(token: &Token<'_>, is_font: bool) -> bool {
    match token {
        Token::Ident(_)
        | Token::Hash(_)
        | Token::IDHash(_)
        | Token::Number { .. }
        | Token::Percentage { .. }
        | Token::Dimension { .. }
        | Token::Comma
        | Token::ParenthesisBlock
        | Token::Delim('/' | '+' | '-' | '*' | '!') => true,
        Token::Function(name) => FUNCTIONS.iter().any(|known| name.eq_ignore_ascii_case(known)),
        Token::QuotedString(text) => is_font && text.chars().all(|c| c.is_alphanumeric() || " -_".contains(c)),
        _ => false,
    }
}

/// Selectors that say nothing about values of attributes: those can be read out one letter at a time.
const fn in_selector(token: &Token<'_>) -> bool {
    matches!(
        token,
        Token::Ident(_) | Token::IDHash(_) | Token::Comma | Token::Colon | Token::Delim('.' | '>' | '+' | '~' | '*')
    )
}

/// The tokens written out again; an error at the first that is not allowed. A comment counts as a space, so that what it
/// held apart stays apart.
fn written(input: &mut Parser<'_>, allowed: &dyn Fn(&Token<'_>) -> bool, depth: usize) -> Result<String, Refused> {
    if depth > DEEPEST {
        return Err(Refused::unexpected_token());
    }
    let mut text = String::new();
    while let Ok(token) = input.next_including_whitespace_and_comments() {
        let token = token.clone();
        match &token {
            Token::WhiteSpace(_) | Token::Comment(_) => text.push(' '),
            token if !allowed(token) => return Err(Refused::unexpected_token()),
            Token::Function(_) | Token::ParenthesisBlock => {
                text.push_str(&token.to_css_string());
                text.push_str(&input.parse_nested_block(|inner| written(inner, allowed, depth + 1))?);
                text.push(')');
            }
            token => text.push_str(&token.to_css_string()),
        }
    }
    Ok(text)
}
