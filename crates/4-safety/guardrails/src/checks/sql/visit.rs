//! Collects what a statement touches: tables as they resolve (a name that a CTE defines is no table, except where the
//! CTE cannot be seen), columns, wildcards, functions, unions, conditions.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, ObjectName, OnConflict, OnConflictAction, OnInsert, Query, SelectItem, SetExpr,
    SetOperator, Statement, TableFactor, TableObject, Visitor, With,
};

use super::constant;

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

    fn condition(&mut self, expr: Option<&Expr>) {
        if expr.is_some_and(|expr| constant::truth(expr) == Some(true)) {
            self.changes_everything = true;
        }
    }

    fn assign(&mut self, assignments: &[Assignment]) {
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
                    if matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)) {
                        self.wildcard = true;
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
        if !self.is_cte(&name) {
            self.tables.insert(name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (name, alias) = match factor {
            TableFactor::Table { name, alias, .. } => (Some(dotted(name)), alias.as_ref()),
            TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => (None, alias.as_ref()),
            TableFactor::Function { name, alias, .. } => {
                self.functions.insert(dotted(name));
                (None, alias.as_ref())
            }
            _ => (None, None),
        };
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
                let tail = &parts[parts.len().saturating_sub(2)..];
                let names: Vec<String> = tail.iter().map(|part| part.value.to_lowercase()).collect();
                self.columns.insert(names.join("."));
            }
            Expr::Function(function) => {
                self.functions.insert(dotted(&function.name));
            }
            Expr::QualifiedWildcard(..) => self.wildcard = true,
            Expr::BinaryOp { left, op: sqlparser::ast::BinaryOperator::Or, right }
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

/// The operation's word in lists. Whatever is not named here is `OTHER`, which an allow list has to name.
pub fn operation(statement: &Statement) -> &'static str {
    match statement {
        Statement::Query(_) => "SELECT",
        Statement::Insert(_) => "INSERT",
        Statement::Update(_) => "UPDATE",
        Statement::Delete(_) => "DELETE",
        Statement::Merge(_) => "MERGE",
        Statement::Truncate(_) => "TRUNCATE",
        Statement::Drop { .. } | Statement::DropFunction(_) => "DROP",
        Statement::CreateTable(_)
        | Statement::CreateView(_)
        | Statement::CreateIndex(_)
        | Statement::CreateSchema { .. }
        | Statement::CreateDatabase { .. }
        | Statement::CreateFunction(_)
        | Statement::CreateTrigger(_) => "CREATE",
        Statement::AlterTable(_) | Statement::AlterIndex { .. } | Statement::AlterView { .. } => "ALTER",
        Statement::Grant(_) => "GRANT",
        Statement::Revoke(_) => "REVOKE",
        Statement::Copy { .. } => "COPY",
        Statement::Explain { .. } | Statement::ExplainTable { .. } => "EXPLAIN",
        Statement::Call(_) => "CALL",
        Statement::Execute { .. } => "EXECUTE",
        Statement::Set(_) => "SET",
        Statement::StartTransaction { .. } => "BEGIN",
        Statement::Commit { .. } => "COMMIT",
        Statement::Rollback { .. } => "ROLLBACK",
        Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowCreate { .. } => "SHOW",
        Statement::Pragma { .. } => "PRAGMA",
        _ => "OTHER",
    }
}
