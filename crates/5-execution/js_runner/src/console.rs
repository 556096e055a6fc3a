//! `console`: text for the author, kept up to a length.

use std::{cell::RefCell, rc::Rc};

use rquickjs::{Coerced, Ctx, FromJs, Function, Object, Result, Value, function::Rest};

use crate::frame::Text;

/// What the script printed.
#[derive(Clone, Default)]
pub struct Console {
    out: Rc<RefCell<Text>>,
    err: Rc<RefCell<Text>>,
}

impl Console {
    /// Gives the script its `console`.
    pub fn install(&self, ctx: &Ctx<'_>, max: usize) -> Result<()> {
        let console = Object::new(ctx.clone())?;
        for (names, text) in [(["log", "info", "debug"], &self.out), (["warn", "error", "trace"], &self.err)] {
            for name in names {
                console.set(name, Function::new(ctx.clone(), printer(text.clone(), max))?)?;
            }
        }
        ctx.globals().set("console", console)
    }
    /// Takes what was printed.
    pub fn take(&self) -> (Text, Text) {
        (self.out.take(), self.err.take())
    }
}

fn printer(text: Rc<RefCell<Text>>, max: usize) -> impl for<'js> Fn(Ctx<'js>, Rest<Value<'js>>) {
    move |ctx, words| print(&ctx, &mut text.borrow_mut(), &words, max)
}

fn print<'js>(ctx: &Ctx<'js>, text: &mut Text, words: &[Value<'js>], max: usize) {
    for (at, word) in words.iter().enumerate() {
        if text.cut {
            return;
        }
        if at > 0 {
            text.bytes.push(b' ');
        }
        let shown = show(ctx, word);
        append(text, shown.as_bytes(), max);
    }
    append(text, b"\n", max);
}

fn append(text: &mut Text, bytes: &[u8], max: usize) {
    let room = max.saturating_sub(text.bytes.len());
    text.bytes.extend(&bytes[..bytes.len().min(room)]);
    text.cut |= bytes.len() > room;
}

fn show<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    if value.is_object() && !value.is_function() && !value.is_error() {
        if let Ok(Some(json)) = ctx.json_stringify(value.clone()) {
            return json.to_string().unwrap_or_default();
        }
        let _ = ctx.catch();
    }
    if value.is_symbol() {
        return "Symbol()".into();
    }
    match Coerced::<String>::from_js(ctx, value.clone()) {
        Ok(text) => text.0,
        Err(_) => {
            let _ = ctx.catch();
            "[unprintable]".into()
        }
    }
}
