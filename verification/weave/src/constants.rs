//! What constants are made of: the compiler calls those functions, before a run can choose.

use std::collections::{HashMap, HashSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Block, ExprConst, ExprRepeat, GenericArgument, Ident, ImplItemConst, ImplItemFn, ItemConst,
    ItemFn, ItemStatic, Macro, Signature, TraitItemConst, TypeArray, Variant,
};

/// All names that constants of these files have in them, and those that the `const fn` of these names have, and so on. By
/// their names alone, so that it is rather one too many.
pub fn names_in<'a>(texts: impl IntoIterator<Item = &'a str>) -> syn::Result<HashSet<String>> {
    let mut reader = Reader::default();
    for text in texts {
        reader.visit_file(&syn::parse_file(text)?);
    }
    let mut names = HashSet::new();
    let mut left = reader.in_constants;
    while let Some(name) = left.pop() {
        left.extend(reader.in_functions.remove(&name).unwrap_or_default());
        names.insert(name);
    }
    Ok(names)
}

#[derive(Default)]
struct Reader {
    in_constants: Vec<String>,
    /// Of each `const fn`, those of the same name together.
    in_functions: HashMap<String, Vec<String>>,
    is_in_constant: bool,
    function: Option<String>,
}

impl Reader {
    fn read(&mut self, name: &Ident) {
        if self.is_in_constant {
            self.in_constants.push(name.to_string());
        } else if let Some(function) = &self.function {
            let names = self.in_functions.entry(function.clone()).or_default();
            names.push(name.to_string());
        }
    }

    fn read_all(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => self.read(&name),
                TokenTree::Group(group) => self.read_all(group.stream()),
                _ => {}
            }
        }
    }

    fn constant(&mut self, read: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.is_in_constant, true);
        read(self);
        self.is_in_constant = before;
    }

    fn body(&mut self, signature: &Signature, block: &Block) {
        self.visit_signature(signature);
        let name = signature
            .constness
            .as_ref()
            .map(|_| signature.ident.to_string());
        let before = std::mem::replace(&mut self.function, name);
        visit::visit_block(self, block);
        self.function = before;
    }
}

fn has_constant(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "const" || word == "static",
        TokenTree::Group(group) => has_constant(group.stream()),
        _ => false,
    })
}

impl<'e> Visit<'e> for Reader {
    fn visit_ident(&mut self, node: &'e Ident) {
        self.read(node);
    }

    fn visit_macro(&mut self, node: &'e Macro) {
        let tokens = node.tokens.clone();
        match has_constant(tokens.clone()) {
            true => self.constant(|reader| reader.read_all(tokens)),
            false => self.read_all(tokens),
        }
    }

    fn visit_item_fn(&mut self, node: &'e ItemFn) {
        self.body(&node.sig, &node.block);
    }

    fn visit_impl_item_fn(&mut self, node: &'e ImplItemFn) {
        self.body(&node.sig, &node.block);
    }

    fn visit_item_const(&mut self, node: &'e ItemConst) {
        self.constant(|reader| visit::visit_item_const(reader, node));
    }

    fn visit_item_static(&mut self, node: &'e ItemStatic) {
        self.constant(|reader| visit::visit_item_static(reader, node));
    }

    fn visit_impl_item_const(&mut self, node: &'e ImplItemConst) {
        self.constant(|reader| visit::visit_impl_item_const(reader, node));
    }

    fn visit_trait_item_const(&mut self, node: &'e TraitItemConst) {
        self.constant(|reader| visit::visit_trait_item_const(reader, node));
    }

    fn visit_expr_const(&mut self, node: &'e ExprConst) {
        self.constant(|reader| visit::visit_expr_const(reader, node));
    }

    fn visit_expr_repeat(&mut self, node: &'e ExprRepeat) {
        self.visit_expr(&node.expr);
        self.constant(|reader| reader.visit_expr(&node.len));
    }

    fn visit_type_array(&mut self, node: &'e TypeArray) {
        self.visit_type(&node.elem);
        self.constant(|reader| reader.visit_expr(&node.len));
    }

    fn visit_generic_argument(&mut self, node: &'e GenericArgument) {
        match node {
            GenericArgument::Const(value) => self.constant(|reader| reader.visit_expr(value)),
            other => visit::visit_generic_argument(self, other),
        }
    }

    fn visit_variant(&mut self, node: &'e Variant) {
        self.visit_fields(&node.fields);
        if let Some((_, value)) = &node.discriminant {
            self.constant(|reader| reader.visit_expr(value));
        }
    }
}
