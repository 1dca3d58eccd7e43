//! What statements do to variables: names that are assigned to or bound, and returns.

use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Ident, Stmt};

use crate::expand_model::collect_idents;
use crate::hyper::peel;

/// Names that are assigned to.
pub(super) struct Assigned(pub(super) Vec<String>);

impl Assigned {
    pub(super) fn in_expression(value: &Expr) -> Vec<String> {
        let mut assigned = Assigned(Vec::new());
        assigned.visit_expr(value);
        assigned.0
    }

    fn place(&mut self, place: &Expr) {
        if let Expr::Path(path) = peel(place)
            && let Some(name) = path.path.get_ident()
        {
            self.0.push(name.to_string());
        }
    }
}

impl Visit<'_> for Assigned {
    fn visit_expr_assign(&mut self, assign: &syn::ExprAssign) {
        self.place(&assign.left);
        visit::visit_expr_assign(self, assign);
    }

    fn visit_expr_binary(&mut self, binary: &syn::ExprBinary) {
        // `x + y` does not change `x`. Any other operator may, as `+=` does: then the shape of `x` becomes unknown,
        // which only costs a check.
        if !matches!(
            binary.op,
            BinOp::Add(_) | BinOp::Sub(_) | BinOp::Mul(_) | BinOp::Div(_)
        ) {
            self.place(&binary.left);
        }
        visit::visit_expr_binary(self, binary);
    }

    /// Every name in another macro counts as assigned to: what the macro does is not known.
    fn visit_macro(&mut self, invocation: &syn::Macro) {
        let mut names = Vec::new();
        collect_idents(invocation.tokens.clone(), &mut names);
        self.0.extend(names.iter().map(Ident::to_string));
    }

    fn visit_expr_reference(&mut self, reference: &syn::ExprReference) {
        if reference.mutability.is_some() {
            self.place(&reference.expr);
        }
        visit::visit_expr_reference(self, reference);
    }
}

/// Names bound by a pattern.
pub(super) struct Names(pub(super) Vec<String>);

impl Visit<'_> for Names {
    fn visit_pat_ident(&mut self, pattern: &syn::PatIdent) {
        self.0.push(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }
}

/// Whether a statement may leave `forward`.
pub(super) struct Returns(bool);

impl Returns {
    pub(super) fn in_statement(statement: &Stmt) -> bool {
        let mut returns = Returns(false);
        returns.visit_stmt(statement);
        returns.0
    }
}

impl Visit<'_> for Returns {
    fn visit_expr_return(&mut self, _: &syn::ExprReturn) {
        self.0 = true;
    }

    fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}

    fn visit_item(&mut self, _: &syn::Item) {}
}
