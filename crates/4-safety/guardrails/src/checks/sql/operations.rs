//! What a statement is called.

use sqlparser::ast::Statement;

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
