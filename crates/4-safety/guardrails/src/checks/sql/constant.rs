//! Conditions that are true whatever the data is (R174).

use sqlparser::ast::{BinaryOperator as Op, Expr, UnaryOperator, Value};

/// The truth of a condition that does not depend on data; `None` when it does.
pub fn truth(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Nested(inner) => truth(inner),
        Expr::Value(value) => match &value.value {
            Value::Boolean(b) => Some(*b),
            Value::Number(text, _) => text.parse::<f64>().ok().map(|n| n != 0.0),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => truth(expr).map(|t| !t),
        Expr::BinaryOp { left, op: Op::And, right } => match (truth(left), truth(right)) {
            (Some(a), Some(b)) => Some(a && b),
            (Some(false), _) | (_, Some(false)) => Some(false),
            _ => None,
        },
        Expr::BinaryOp { left, op: Op::Or, right } => match (truth(left), truth(right)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Expr::BinaryOp { left, op, right } => compare(left, op, right),
        Expr::InList { expr, list, negated } => {
            let value = literal(expr)?;
            let known: Option<Vec<Literal>> = list.iter().map(literal).collect();
            known.map(|list| list.contains(&value) != *negated)
        }
        Expr::Between { expr, negated, low, high } => {
            let (Literal::Number(v), Literal::Number(a), Literal::Number(b)) =
                (literal(expr)?, literal(low)?, literal(high)?)
            else {
                return None;
            };
            Some(((a..=b).contains(&v)) != *negated)
        }
        Expr::Like { negated, expr, pattern, .. } | Expr::ILike { negated, expr, pattern, .. } => {
            let Literal::Text(pattern) = literal(pattern)? else { return None };
            let all = !pattern.is_empty() && pattern.chars().all(|c| c == '%');
            let same = matches!(literal(expr), Some(Literal::Text(text)) if text == pattern);
            (all || same).then_some(!*negated)
        }
        Expr::IsNotNull(inner) => literal(inner).map(|_| true),
        Expr::IsTrue(inner) => truth(inner),
        Expr::Exists { subquery, negated } => {
            // `exists (select 1)` reads nothing.
            let text = subquery.to_string().to_lowercase();
            (!text.contains(" from ") && !*negated).then_some(true)
        }
        _ => None,
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Number(f64),
    Text(String),
}

fn literal(expr: &Expr) -> Option<Literal> {
    match expr {
        Expr::Nested(inner) => literal(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().ok().map(Literal::Number),
            Value::Boolean(b) => Some(Literal::Number(f64::from(u8::from(*b)))),
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) | Value::NationalStringLiteral(text) => {
                Some(text.parse().map_or_else(|_| Literal::Text(text.clone()), Literal::Number))
            }
            Value::HexStringLiteral(text) => Some(Literal::Text(text.clone())),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match literal(expr)? {
            Literal::Number(n) => Some(Literal::Number(-n)),
            Literal::Text(_) => None,
        },
        Expr::BinaryOp { left, op, right } => {
            let (Literal::Number(a), Literal::Number(b)) = (literal(left)?, literal(right)?) else { return None };
            Some(Literal::Number(match op {
                Op::Plus => a + b,
                Op::Minus => a - b,
                Op::Multiply => a * b,
                Op::Divide if b != 0.0 => a / b,
                _ => return None,
            }))
        }
        _ => None,
    }
}

fn compare(left: &Expr, op: &Op, right: &Expr) -> Option<bool> {
    if let (Some(a), Some(b)) = (literal(left), literal(right)) {
        let order = match (&a, &b) {
            (Literal::Number(a), Literal::Number(b)) => a.partial_cmp(b)?,
            (Literal::Text(a), Literal::Text(b)) => a.cmp(b),
            _ => return None,
        };
        return Some(match op {
            Op::Eq | Op::Spaceship => order.is_eq(),
            Op::NotEq => order.is_ne(),
            Op::Lt => order.is_lt(),
            Op::LtEq => order.is_le(),
            Op::Gt => order.is_gt(),
            Op::GtEq => order.is_ge(),
            _ => return None,
        });
    }
    // A column against itself.
    let column = |expr: &Expr| {
        matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)).then(|| expr.to_string().to_lowercase())
    };
    match (column(left), column(right), op) {
        (Some(a), Some(b), Op::Eq | Op::GtEq | Op::LtEq) if a == b => Some(true),
        _ => None,
    }
}
