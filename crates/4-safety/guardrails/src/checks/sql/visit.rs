//! Collects what a statement touches: tables as they resolve (a name that a CTE defines is no table, except where the
//! CTE cannot be seen), columns, wildcards, functions, unions, conditions.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use sqlparser::ast::{
    Assignment, AssignmentTarget, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, OnConflict, OnConflictAction, OnInsert, Query, SelectItem, SetExpr, SetOperator,
    Statement, TableAlias, TableFactor, TableObject, Value, Visitor, With,
};

use super::{
    constant, known,
    operations::operation,
    unseen::{self, Reach},
};

/// What was collected.
#[derive(Debug, Default)]
pub struct Collected {
    /// Lower-case dotted names.
    pub tables: BTreeSet<String>,
    /// Lower-case: `column`, or `qualifier.column`.
    pub columns: BTreeSet<String>,
    /// Names and aliases that stand for whole rows.
    pub rows: BTreeSet<String>,
    pub wildcard: bool,
    pub functions: BTreeSet<String>,
    pub operations: BTreeSet<&'static str>,
    /// The arms of each union, in order.
    pub unions: Vec<Vec<String>>,
    /// Tables by the name or alias that stands before their columns.
    pub aliases: BTreeMap<String, BTreeSet<String>>,
    /// `OR` with something always true.
    pub tautology: bool,
    /// A change whose whole condition is always true.
    pub changes_everything: bool,
    pub locks: bool,
    /// Functions and files that stand where a table could.
    pub sources: BTreeSet<String>,
    /// Each function's arguments that are texts; `None` for one that runs text which nobody can see yet.
    pub texts: Vec<(String, Option<String>)>,
    /// A file of the server's is read or written.
    pub files: bool,
    /// A name where one database begins the next statement.
    pub run_on: bool,
    /// Something stands where Snowflake counts columns: `$3`.
    pub counted: bool,
    /// What of it the tree does not tell.
    pub reach: Reach,
    frames: Vec<Frame>,
}

#[derive(Debug)]
struct Frame {
    names: Vec<String>,
    bodies: Vec<*const Query>,
    /// How many of the names can be seen from where we are.
    visible: usize,
    recursive: bool,
    /// This frame's query is a body of the frame below, whose view is to be restored at the end.
    is_body: bool,
}

impl Frame {
    fn of(query: &Query) -> Self {
        let (names, bodies, recursive) = match &query.with {
            Some(With { recursive, cte_tables, .. }) => (
                cte_tables.iter().map(|cte| cte.alias.name.value.to_lowercase()).collect(),
                cte_tables.iter().map(|cte| std::ptr::from_ref(cte.query.as_ref())).collect(),
                *recursive,
            ),
            None => (Vec::new(), Vec::new(), false),
        };
        let visible = Vec::len(&names);
        Self { names, bodies, visible, recursive, is_body: false }
    }
}

/// A name in lower case, its parts joined by dots.
pub fn dotted(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| part.as_ident().map_or_else(|| part.to_string(), |ident| ident.value.clone()));
    parts.collect::<Vec<_>>().join(".").to_lowercase()
}

impl Collected {
    fn is_cte(&self, name: &str) -> bool {
        self.frames.iter().any(|frame| frame.names[..frame.visible].iter().any(|cte| cte == name))
    }

    pub fn table(&mut self, name: &ObjectName) {
        self.tables.insert(dotted(name));
    }

    fn called(&mut self, name: &ObjectName, args: &[FunctionArg]) {
        let name = dotted(name);
        let texts: Vec<Option<String>> = args.iter().map(|arg| text_of(value_of(arg)?)).collect();
        if !(unseen::is_small(&name, args)) {
            self.functions.insert(name.clone());
        }
        if known::runs_text(&name) && texts.iter().all(Option::is_none) {
            self.texts.push((name.clone(), None));
        }
        self.texts.extend(texts.into_iter().flatten().map(|text| (name.clone(), Some(text))));
        // DuckDB and ClickHouse choose columns by a pattern.
        self.wildcard |= name == "columns";
        if matches!(known::bare(&name), "nextval" | "setval") {
            self.operations.insert("UPDATE");
        }
    }

    /// T-SQL needs no semicolon: `SELECT 1 DELETE FROM t` are two statements there.
    fn aliased(&mut self, alias: &Ident) {
        const FIRST: &[&str] = &[
            "delete",
            "update",
            "insert",
            "drop",
            "exec",
            "execute",
            "truncate",
            "alter",
            "create",
            "merge",
            "grant",
            "revoke",
            "shutdown",
            "waitfor",
            "kill",
            "backup",
            "restore",
            "reconfigure",
        ];
        self.run_on |= alias.quote_style.is_none() && FIRST.iter().any(|word| alias.value.eq_ignore_ascii_case(word));
    }

    /// `FROM ONLY t`: the table without those that inherit from it.
    fn only(&mut self, name: &ObjectName, alias: Option<&TableAlias>, args: Option<&[FunctionArg]>) {
        if dotted(name) != "only" {
            return;
        }
        self.tables.extend(alias.map(|alias| alias.name.value.to_lowercase()));
        let named = args.unwrap_or_default().iter().filter_map(value_of).map(|expr| expr.to_string().to_lowercase());
        self.tables.extend(named);
    }

    fn renamed(&mut self, alias: Option<&TableAlias>) {
        let Some(alias) = alias else { return };
        if !alias.explicit {
            self.aliased(&alias.name);
        }
    }

    fn condition(&mut self, expr: Option<&Expr>) {
        if expr.is_some_and(|expr| constant::truth(expr) == Some(true)) {
            self.changes_everything = true;
        }
    }

    pub fn assign(&mut self, assignments: &[Assignment]) {
        for assignment in assignments {
            match &assignment.target {
                AssignmentTarget::ColumnName(name) => {
                    self.columns.insert(dotted(name));
                }
                AssignmentTarget::Tuple(names) => self.columns.extend(names.iter().map(dotted)),
            }
        }
    }

    fn arms(&mut self, body: &SetExpr) {
        match body {
            // A chain of unions is a tree that leans to the left; it is walked without recursion.
            SetExpr::SetOperation { .. } => {
                let (mut arms, mut union, mut rest) = (Vec::new(), false, body);
                while let SetExpr::SetOperation { op, left, right, .. } = rest {
                    union |= matches!(op, SetOperator::Union);
                    arms.push(right.as_ref());
                    rest = left;
                }
                arms.push(rest);
                arms.reverse();
                arms.iter().for_each(|arm| self.arms(arm));
                if union {
                    self.unions.push(arms.iter().map(ToString::to_string).collect());
                }
            }
            SetExpr::Select(select) => {
                for item in &select.projection {
                    match item {
                        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => self.wildcard = true,
                        SelectItem::ExprWithAlias { alias, .. } => self.aliased(alias),
                        _ => {}
                    }
                }
                if select.into.is_some() {
                    self.operations.insert("SELECT INTO");
                }
            }
            SetExpr::Table(table) => {
                self.wildcard = true;
                if let Some(name) = &table.table_name {
                    let name = name.to_lowercase();
                    self.tables.insert(match &table.schema_name {
                        Some(schema) => format!("{}.{name}", schema.to_lowercase()),
                        None => name,
                    });
                }
            }
            // Queries inside are visited by themselves.
            SetExpr::Query(_)
            | SetExpr::Values(_)
            | SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_) => {}
        }
    }
}

impl Visitor for Collected {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let here = std::ptr::from_ref(query);
        let mut frame = Frame::of(query);
        if let Some(below) = self.frames.last_mut()
            && let Some(index) = below.bodies.iter().position(|body| std::ptr::eq(*body, here))
        {
            // A CTE sees the ones before it, and itself only when it is recursive.
            below.visible = if below.recursive { below.names.len() } else { index };
            frame.is_body = true;
        }
        self.frames.push(frame);
        self.operations.insert("SELECT");
        self.locks |= !query.locks.is_empty();
        self.arms(&query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        let ended = self.frames.pop();
        if ended.is_some_and(|frame| frame.is_body)
            && let Some(below) = self.frames.last_mut()
        {
            below.visible = below.names.len();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = dotted(relation);
        // DuckDB reads a file where its name stands in quotes.
        self.files |= relation.0.iter().filter_map(|part| part.as_ident()).any(unseen::is_a_path);
        // Snowflake: `IDENTIFIER('t')`.
        for part in &relation.0 {
            if let ObjectNamePart::Function(function) = part {
                let given = function.args.iter().filter_map(value_of).filter_map(text_of);
                self.tables.extend(given.map(|text| text.to_lowercase()));
            }
        }
        if !self.is_cte(&name) {
            self.tables.insert(name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (name, alias) = match factor {
            TableFactor::Table { name, alias, args, .. } => {
                if let Some(args) = args {
                    self.called(name, &args.args);
                    self.sources.insert(dotted(name));
                } else if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) && !self.is_cte(&dotted(name)) {
                    // `t AS x(a, b)` names columns by their place.
                    self.wildcard = true;
                }
                self.only(name, alias.as_ref(), args.as_ref().map(|args| args.args.as_slice()));
                (Some(dotted(name)), alias.as_ref())
            }
            TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => (None, alias.as_ref()),
            TableFactor::Function { name, alias, args, .. } => {
                self.called(name, args);
                self.sources.insert(dotted(name));
                (None, alias.as_ref())
            }
            TableFactor::TableFunction { expr, alias } => {
                if let Some(text) = text_of(expr) {
                    self.texts.push(("table".to_owned(), Some(text)));
                }
                (None, alias.as_ref())
            }
            _ => (None, None),
        };
        self.renamed(alias);
        let alias = alias.map(|alias| alias.name.value.to_lowercase());
        let bare = name.as_ref().map(|name| name.rsplit('.').next().unwrap_or(name).to_owned());
        // What a CTE or a subquery hands out was looked at inside it: its name stands for no table.
        if let (Some(called), Some(table)) = (alias.as_ref().or(bare.as_ref()), name.filter(|name| !self.is_cte(name)))
        {
            self.aliases.entry(called.clone()).or_default().insert(table);
        }
        self.rows.extend(bare);
        self.rows.extend(alias);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => {
                self.columns.insert(ident.value.to_lowercase());
            }
            Expr::CompoundIdentifier(parts) => {
                // Snowflake counts columns: `t.$3`.
                self.wildcard |= parts.last().is_some_and(|part| part.value.starts_with('$'));
                let tail = &parts[parts.len().saturating_sub(2)..];
                let names: Vec<String> = tail.iter().map(|part| part.value.to_lowercase()).collect();
                self.columns.insert(names.join("."));
            }
            Expr::Function(function) => match &function.args {
                FunctionArguments::List(list) => self.called(&function.name, &list.args),
                _ => self.called(&function.name, &[]),
            },
            Expr::Value(value) => {
                self.counted |= matches!(&value.value, Value::Placeholder(name) if name.starts_with('$'));
            }
            Expr::Cast { expr, data_type, .. } => {
                let kind = data_type.to_string().to_lowercase();
                if let Some(text) = text_of(expr).filter(|_| kind.starts_with("reg")) {
                    self.texts.push(("regclass".to_owned(), Some(text)));
                }
            }
            Expr::QualifiedWildcard(..) => self.wildcard = true,
            Expr::BinaryOp { left, op: BinaryOperator::Or, right }
                if constant::truth(left) == Some(true) || constant::truth(right) == Some(true) =>
            {
                self.tautology = true;
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.operations.insert(operation(statement));
        unseen::look(statement, self);
        match statement {
            Statement::Insert(insert) => {
                self.columns.extend(insert.columns.iter().map(dotted));
                self.wildcard |= insert.columns.is_empty() && insert.assignments.is_empty();
                self.assign(&insert.assignments);
                match &insert.on {
                    Some(OnInsert::DuplicateKeyUpdate(assignments)) => self.assign(assignments),
                    Some(OnInsert::OnConflict(OnConflict { action: OnConflictAction::DoUpdate(update), .. })) => {
                        self.assign(&update.assignments)
                    }
                    _ => {}
                }
                if let TableObject::TableName(name) = &insert.table {
                    self.tables.insert(dotted(name));
                }
            }
            Statement::Update(update) => {
                self.assign(&update.assignments);
                self.condition(update.selection.as_ref());
            }
            Statement::Delete(delete) => self.condition(delete.selection.as_ref()),
            Statement::Drop { names, .. } => self.tables.extend(names.iter().map(dotted)),
            Statement::Truncate(truncate) => {
                self.tables.extend(truncate.table_names.iter().map(|target| dotted(&target.name)));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn value_of(arg: &FunctionArg) -> Option<&Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
        | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
        | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expr), .. } => Some(expr),
        _ => None,
    }
}

/// The text that an expression of texts is.
pub fn text_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => text_of(inner),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text)
            | Value::DoubleQuotedString(text)
            | Value::NationalStringLiteral(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text) => Some(text.clone()),
            Value::DollarQuotedString(text) => Some(text.value.clone()),
            _ => None,
        },
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat | BinaryOperator::Plus, right } => {
            Some(text_of(left)? + &text_of(right)?)
        }
        _ => None,
    }
}
