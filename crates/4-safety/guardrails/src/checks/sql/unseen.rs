//! What a statement reaches that the parser's walk over its tree does not come by.

use sqlparser::{
    ast::{
        AlterTableOperation, ColumnOption, ConflictTarget, CopySource, CopyTarget, CreateTableLikeKind, Expr,
        FunctionArg, FunctionArgExpr, FunctionArguments, Ident, MergeAction, MergeUpdateKind, OnConflict, OnInsert,
        RenameTableNameKind, Statement, TableConstraint, Value,
    },
    tokenizer::{Token, Tokenizer},
};

use super::{
    Dialect,
    visit::{Collected, dotted, text_of},
};

/// How much of what a statement touches its tree tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Reach {
    /// All of it.
    #[default]
    Told,
    /// All of it, but for names in odd places.
    Structure,
    /// Names stand where only this kind of statement has them.
    Names,
    /// It runs what somebody else wrote, or text.
    Runs,
}

/// Rows of a text that is made at random: more bytes are an attempt to fill the memory.
const SMALL: f64 = 1_048_576.0;

/// `randomblob(16)` makes a key; a gigabyte of it is an attack.
pub fn is_small(name: &str, args: &[FunctionArg]) -> bool {
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] = args else { return false };
    let Value::Number(text, _) = &value.value else { return false };
    ["randomblob", "zeroblob"].contains(&name) && text.parse::<f64>().is_ok_and(|n| n <= SMALL)
}

/// `FROM '/etc/passwd'`, `FROM 'https://…'`.
pub fn is_a_path(name: &Ident) -> bool {
    name.quote_style == Some('\'') && name.value.contains(['/', '\\'])
}

/// Adds what `statement` itself says.
pub fn look(statement: &Statement, seen: &mut Collected) {
    seen.reach = seen.reach.max(reach(statement));
    match statement {
        Statement::Copy { source, target, .. } => {
            if let CopySource::Table { table_name, columns } = source {
                seen.table(table_name);
                seen.wildcard |= columns.is_empty();
                seen.columns.extend(columns.iter().map(|column| column.value.to_lowercase()));
            }
            seen.files |= matches!(target, CopyTarget::File { .. } | CopyTarget::Program { .. });
        }
        Statement::AttachDatabase { database_file_name, .. } => {
            let memory = |text: String| text.is_empty() || text == ":memory:";
            seen.files |= !text_of(database_file_name).is_some_and(memory);
        }
        Statement::AttachDuckDBDatabase { .. }
        | Statement::LoadData { .. }
        | Statement::Load { .. }
        | Statement::Install { .. }
        | Statement::Directory { .. }
        | Statement::ExportData(_)
        | Statement::Unload { .. } => seen.files = true,
        Statement::Execute { name, parameters, .. } => {
            seen.functions.extend(name.as_ref().map(dotted));
            seen.texts.extend(parameters.iter().filter_map(text_of).map(|text| ("exec".to_owned(), Some(text))));
        }
        Statement::Call(function) => {
            seen.functions.insert(dotted(&function.name));
            if let FunctionArguments::List(list) = &function.args {
                let given = list.args.iter().map(ToString::to_string);
                seen.texts.extend(given.map(|text| ("exec".to_owned(), Some(text.trim_matches('\'').to_owned()))));
            }
        }
        Statement::CreateTable(table) => {
            if let Some(CreateTableLikeKind::Parenthesized(like) | CreateTableLikeKind::Plain(like)) = &table.like {
                seen.table(&like.name);
                seen.wildcard = true;
            }
            if let Some(from) = &table.clone {
                seen.table(from);
                seen.wildcard = true;
            }
            for parent in table.inherits.iter().flatten() {
                seen.table(parent);
                seen.wildcard = true;
            }
            for option in table.columns.iter().flat_map(|column| &column.options) {
                if let ColumnOption::ForeignKey(key) = &option.option {
                    seen.table(&key.foreign_table);
                }
            }
            table.constraints.iter().for_each(|constraint| refers(constraint, seen));
        }
        Statement::AlterTable(alter) => {
            for operation in &alter.operations {
                match operation {
                    AlterTableOperation::AddConstraint { constraint, .. } => refers(constraint, seen),
                    AlterTableOperation::RenameTable {
                        table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
                    }
                    | AlterTableOperation::SwapWith { table_name: name } => seen.table(name),
                    AlterTableOperation::DropColumn { column_names, .. } => {
                        column_names.iter().for_each(|c| column(seen, c))
                    }
                    AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                        column(seen, old_column_name);
                        column(seen, new_column_name);
                    }
                    AlterTableOperation::ChangeColumn { old_name, new_name, .. } => {
                        column(seen, old_name);
                        column(seen, new_name);
                    }
                    AlterTableOperation::AlterColumn { column_name, .. }
                    | AlterTableOperation::ModifyColumn { col_name: column_name, .. } => column(seen, column_name),
                    _ => {}
                }
            }
        }
        Statement::CreateTrigger(trigger) => seen.table(&trigger.table_name),
        Statement::RenameTable(renames) => {
            for rename in renames {
                seen.table(&rename.old_name);
                seen.table(&rename.new_name);
            }
        }
        Statement::Insert(insert) => {
            if let Some(OnInsert::OnConflict(OnConflict {
                conflict_target: Some(ConflictTarget::Columns(columns)),
                ..
            })) = &insert.on
            {
                seen.columns.extend(columns.iter().map(|column| column.value.to_lowercase()));
            }
        }
        Statement::Merge(merge) => {
            for clause in &merge.clauses {
                match &clause.action {
                    MergeAction::Insert(insert) => {
                        seen.wildcard |= insert.columns.is_empty();
                        seen.columns.extend(insert.columns.iter().map(dotted));
                    }
                    MergeAction::Update(update) => match &update.kind {
                        MergeUpdateKind::Set(assignments) => seen.assign(assignments),
                        _ => seen.wildcard = true,
                    },
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn column(seen: &mut Collected, name: &Ident) {
    seen.columns.insert(name.value.to_lowercase());
}

fn refers(constraint: &TableConstraint, seen: &mut Collected) {
    if let TableConstraint::ForeignKey(key) = constraint {
        seen.table(&key.foreign_table);
    }
}

fn reach(statement: &Statement) -> Reach {
    match statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Explain { .. }
        | Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. }
        | Statement::Set(_)
        | Statement::Deallocate { .. }
        | Statement::If(_)
        | Statement::While(_)
        | Statement::Case(_) => Reach::Told,
        Statement::CreateTable(_)
        | Statement::CreateView(_)
        | Statement::CreateIndex(_)
        | Statement::AlterTable(_)
        | Statement::Drop { .. }
        | Statement::Truncate(_)
        | Statement::Copy { .. }
        | Statement::Analyze(_)
        | Statement::ExplainTable { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowVariables { .. }
        | Statement::ShowStatus { .. }
        | Statement::Prepare { .. }
        | Statement::Declare { .. }
        | Statement::Fetch { .. }
        | Statement::Open(_)
        | Statement::Close { .. }
        | Statement::Reset(_)
        | Statement::Discard { .. }
        | Statement::Use(_) => Reach::Structure,
        Statement::Execute { .. }
        | Statement::Call(_)
        | Statement::CreateFunction(_)
        | Statement::CreateProcedure { .. }
        | Statement::CreateMacro { .. }
        | Statement::Unload { .. } => Reach::Runs,
        _ => Reach::Names,
    }
}

/// The words of a text, quoted or not, in lower case.
pub fn words(sql: &str) -> impl Iterator<Item = String> + '_ {
    sql.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// What `sql` writes in a way that only one reading understands, so that no list can be held to it.
pub fn hidden_name(sql: &str, dialect: Dialect) -> bool {
    let parser = dialect.parser();
    let Ok(tokens) = Tokenizer::new(parser.as_ref(), sql).tokenize() else { return false };
    // `U&"\0073ecrets"`: a name in PostgreSQL, an operator between two names to others.
    tokens.windows(3).any(|three| {
        matches!(three, [Token::Word(u), Token::Ampersand, Token::Word(name)]
            if u.quote_style.is_none() && u.value.eq_ignore_ascii_case("u") && name.quote_style == Some('"'))
    })
}

/// Columns that a join or a conflict names: `USING (a, b)`, `ON CONFLICT (a)`.
pub fn compared(sql: &str, dialect: Dialect) -> Vec<String> {
    let parser = dialect.parser();
    let Ok(tokens) = Tokenizer::new(parser.as_ref(), sql).tokenize() else { return Vec::new() };
    let solid: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let mut out = Vec::new();
    for (i, token) in solid.iter().enumerate() {
        let using = matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("using"));
        if !using || solid.get(i + 1) != Some(&&Token::LParen) {
            continue;
        }
        let inside: Vec<&&Token> = solid[i + 2..].iter().take_while(|token| ***token != Token::RParen).collect();
        if inside.iter().all(|token| matches!(token, Token::Word(_) | Token::Comma)) {
            out.extend(inside.iter().filter_map(|token| match token {
                Token::Word(word) => Some(word.value.to_lowercase()),
                _ => None,
            }));
        }
    }
    out
}
