//! Where in a file each of its mutants is put, and how.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Arm, BinOp, Block, Expr, ExprBinary, ExprConst, ExprMatch, ExprRepeat, ExprStruct, ExprUnary,
    FieldValue, GenericArgument, ImplItemConst, ImplItemFn, ItemConst, ItemFn, ItemStatic, Pat,
    Signature, TraitItemConst, TraitItemFn, Type, Variant,
};

use crate::mutant::{Genre, Mutant};

/// What is put before and after a range of the file; the parts that are a mutant's own have its number.
#[derive(Debug)]
pub struct Thread {
    pub around: Range<usize>,
    pub before: Vec<(String, Option<usize>)>,
    pub after: String,
}

/// The threads of a file, given its mutants by number, and the names that constants have in them. Mutants that no thread has
/// are not woven: in constants, for one, which are evaluated before a run can choose. A `const fn` that no constant calls
/// becomes one that can choose too.
pub fn of(
    text: &str,
    mutants: &[(usize, &Mutant)],
    in_constants: &HashSet<String>,
) -> syn::Result<Vec<Thread>> {
    let mut loom = Loom {
        text,
        in_constants,
        mutants: mutants
            .iter()
            .filter_map(|(number, mutant)| {
                Some((mutant.span.start.byte_in(text)?, (*number, *mutant)))
            })
            .fold(BTreeMap::new(), |mut at, (byte, mutant)| {
                at.entry(byte).or_insert_with(Vec::new).push(mutant);
                at
            }),
        threads: Vec::new(),
    };
    loom.visit_file(&syn::parse_file(text)?);
    Ok(loom.threads)
}

struct Loom<'a> {
    text: &'a str,
    in_constants: &'a HashSet<String>,
    /// By the byte at which they begin.
    mutants: BTreeMap<usize, Vec<(usize, &'a Mutant)>>,
    threads: Vec<Thread>,
}

const CHOSEN: &str = "crate::woven::chosen()";

/// Whether a run has chosen this one.
fn is(number: usize) -> String {
    format!("({CHOSEN} == {number})")
}

fn bytes(of: &impl Spanned) -> Range<usize> {
    of.span().byte_range()
}

impl<'a> Loom<'a> {
    fn at(&self, byte: usize, genre: Genre) -> Vec<(usize, &'a Mutant)> {
        let here = self.mutants.get(&byte).into_iter().flatten();
        here.filter(|(_, mutant)| mutant.genre == genre)
            .copied()
            .collect()
    }

    fn put(&mut self, around: Range<usize>, before: Vec<(String, Option<usize>)>, after: &str) {
        self.threads.push(Thread {
            around,
            before,
            after: after.to_owned(),
        });
    }

    /// An expression, or one of these in its place.
    fn choose(&mut self, expression: Range<usize>, others: Vec<(usize, String)>) {
        if others.is_empty() {
            return;
        }
        let mut before = vec![(format!("(match {CHOSEN} {{\n"), None)];
        for (number, other) in others {
            before.push((format!("{number} => {other},\n"), Some(number)));
        }
        before.push(("_ => ".to_owned(), None));
        self.put(expression, before, "\n})");
    }

    /// The text of the range, with another in the place of a part of it.
    fn with(&self, range: &Range<usize>, part: Range<usize>, other: &str) -> String {
        let (before, after) = (
            &self.text[range.start..part.start],
            &self.text[part.end..range.end],
        );
        format!("{before}{other}{after}")
    }

    fn visit_body(&mut self, signature: &Signature, block: &Block) {
        if let Some(constness) = &signature.constness {
            if self.in_constants.contains(&signature.ident.to_string()) {
                return;
            }
            self.put(bytes(constness), vec![("/* ".to_owned(), None)], " */");
        }
        if let Some(first) = block.stmts.first() {
            let start = bytes(first).start;
            // All that a function returns is of one type, which would not be the one that is hidden.
            let hides_its_type = self.text[bytes(&signature.output)].contains("impl ");
            let values = match hides_its_type {
                true => Vec::new(),
                false => self.at(start, Genre::FnValue),
            };
            let returns = values.iter().map(|(number, mutant)| {
                let text = format!("if {} {{ return {}; }}\n", is(*number), mutant.replacement);
                (text, Some(*number))
            });
            let returns: Vec<_> = returns.collect();
            if !returns.is_empty() {
                // Around all that begins with the body.
                self.put(start..self.text.len(), returns, "");
            }
        }
        visit::visit_block(self, block);
    }

    /// Of a chain with a `let`: no other operator may stand in it, and what the `let` binds is bound for what follows. So
    /// its own operators stay, and what they stand between are chains of their own.
    fn visit_links(&mut self, node: &Expr) {
        match node {
            Expr::Binary(ExprBinary {
                left,
                op: BinOp::And(_),
                right,
                ..
            }) => {
                self.visit_links(left);
                self.visit_links(right);
            }
            link => self.visit_expr(link),
        }
    }

    /// The operators of a chain, as a change of one changes how the others bind, and what they stand between.
    fn chain<'e>(node: &'e ExprBinary, operators: &mut Vec<Span>, operands: &mut Vec<&'e Expr>) {
        operators.push(node.op.span());
        for side in [&*node.left, &*node.right] {
            match side {
                Expr::Binary(inner) => Self::chain(inner, operators, operands),
                other => operands.push(other),
            }
        }
    }
}

impl<'e> Visit<'e> for Loom<'_> {
    fn visit_item_fn(&mut self, node: &'e ItemFn) {
        self.visit_body(&node.sig, &node.block);
    }

    fn visit_impl_item_fn(&mut self, node: &'e ImplItemFn) {
        self.visit_body(&node.sig, &node.block);
    }

    fn visit_trait_item_fn(&mut self, node: &'e TraitItemFn) {
        if let Some(block) = &node.default {
            self.visit_body(&node.sig, block);
        }
    }

    fn visit_expr_binary(&mut self, node: &'e ExprBinary) {
        let (mut operators, mut operands) = (Vec::new(), Vec::new());
        Self::chain(node, &mut operators, &mut operands);
        if operands
            .iter()
            .any(|operand| matches!(operand, Expr::Let(_)))
        {
            self.visit_links(&node.left);
            self.visit_links(&node.right);
            return;
        }
        let whole = bytes(node);
        let mut others = Vec::new();
        for operator in operators {
            let part = operator.byte_range();
            for (number, mutant) in self.at(part.start, Genre::BinaryOperator) {
                others.push((number, self.with(&whole, part.clone(), &mutant.replacement)));
            }
        }
        self.choose(whole, others);
        for operand in operands {
            self.visit_expr(operand);
        }
    }

    fn visit_expr_unary(&mut self, node: &'e ExprUnary) {
        let (whole, part) = (bytes(node), bytes(&node.op));
        let others = self.at(part.start, Genre::UnaryOperator);
        let others = others.iter().map(|(number, mutant)| {
            (
                *number,
                self.with(&whole, part.clone(), &mutant.replacement),
            )
        });
        let others = others.collect();
        self.choose(whole, others);
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_match(&mut self, node: &'e ExprMatch) {
        self.visit_expr(&node.expr);
        // The compiler counts no arm with a guard, which each gets: without one for all that is left, none may go.
        let takes_all = |arm: &Arm| arm.guard.is_none() && matches!(arm.pat, Pat::Wild(_));
        let may_go = node.arms.iter().any(takes_all);
        for arm in &node.arms {
            self.visit_arm_of(arm, may_go);
        }
    }

    fn visit_expr_struct(&mut self, node: &'e ExprStruct) {
        // What is said twice is to be nothing that moves or does something.
        let rest = node.rest.as_deref().filter(|rest| match rest {
            Expr::Path(_) => true,
            Expr::Call(call) => call.args.is_empty(),
            _ => false,
        });
        if let Some(rest) = rest {
            let rest = &self.text[bytes(rest)];
            for field in &node.fields {
                self.leave_out(field, rest);
            }
        }
        visit::visit_expr_struct(self, node);
    }

    // Constants are evaluated before a run can choose.
    fn visit_item_const(&mut self, _: &'e ItemConst) {}
    fn visit_item_static(&mut self, _: &'e ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'e ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'e TraitItemConst) {}
    fn visit_expr_const(&mut self, _: &'e ExprConst) {}
    fn visit_variant(&mut self, _: &'e Variant) {}
    fn visit_type(&mut self, _: &'e Type) {}
    fn visit_generic_argument(&mut self, _: &'e GenericArgument) {}
    fn visit_pat(&mut self, _: &'e Pat) {}

    fn visit_expr_repeat(&mut self, node: &'e ExprRepeat) {
        self.visit_expr(&node.expr);
    }
}

impl Loom<'_> {
    fn visit_arm_of(&mut self, node: &Arm, may_go: bool) {
        let deleted = self.at(bytes(&node.pat).start, Genre::MatchArm);
        let deleted = deleted.first().filter(|_| may_go);
        let deleted = deleted.map(|(number, _)| (*number, format!("!{}", is(*number))));
        match (&node.guard, deleted) {
            (None, None) => {}
            (None, Some((number, stays))) => {
                let end = bytes(&node.pat).end;
                self.put(end..end, vec![(format!(" if {stays}"), Some(number))], "");
            }
            (Some((_, guard)), deleted) => {
                let range = bytes(&**guard);
                if let Some((number, stays)) = deleted {
                    let before = vec![(format!("{stays} && ("), Some(number))];
                    self.put(range.clone(), before, ")");
                }
                let others = self.at(range.start, Genre::MatchArmGuard).into_iter();
                let others = others.map(|(number, mutant)| (number, mutant.replacement.clone()));
                self.choose(range, others.collect());
                self.visit_expr(guard);
            }
        }
        self.visit_expr(&node.body);
    }

    /// The field as the rest has it.
    fn leave_out(&mut self, field: &FieldValue, rest: &str) {
        let whole = bytes(field);
        let syn::Member::Named(name) = &field.member else {
            return;
        };
        for (number, _) in self.at(whole.start, Genre::StructField) {
            let of_rest = format!("if {} {{ ({rest}).{name} }} else {{ ", is(number));
            if field.colon_token.is_some() {
                let before = vec![(of_rest, Some(number))];
                self.put(bytes(&field.expr), before, " }");
            } else {
                let before = vec![(format!(": {of_rest}{name} }}"), Some(number))];
                self.put(whole.end..whole.end, before, "");
            }
        }
    }
}
