//! Repeats `forward` on shapes: its straight-line part becomes the steps of a `const fn`.
//!
//! Loops, conditions and unknown functions are not followed. Their results are unknown, and so is what is computed from
//! them.

mod literals;
mod names;

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{BinOp, Block, Expr, ExprCall, ExprMethodCall, Ident, Item, Pat, Stmt, UnOp};

use self::literals::{integer, integers, is_number, pair};
use self::names::{Assigned, Names, Returns};
use crate::catalogue::ELEMENTWISE_FUNCTIONS;
use crate::forward::{CallLayers, is_self};
use crate::hyper::peel;

/// One operation of `forward`.
pub(crate) struct Step {
    pub(crate) name: Ident,
    /// The shape rule applied to earlier steps.
    pub(crate) rule: TokenStream,
    /// Where the user wrote the operation.
    pub(crate) span: Span,
}

/// The steps of `forward`, and the name of its result (`None`: unknown).
pub(crate) struct Steps {
    pub(crate) steps: Vec<Step>,
    pub(crate) result: Option<Ident>,
}

/// The name of the shape of an input.
pub(crate) fn input(index: usize) -> Ident {
    format_ident!("input_{index}")
}

/// Follows `body`, whose inputs have these names.
pub(crate) fn follow(body: &Block, inputs: &[Option<Ident>], methods: &[String], zkml: &syn::Path) -> Steps {
    let mut follower = Follower {
        steps: Vec::new(),
        known: HashMap::new(),
        local: Vec::new(),
        methods,
        zkml,
    };
    for (index, name) in inputs.iter().enumerate() {
        if let Some(name) = name {
            follower.known.insert(name.to_string(), input(index));
        }
    }
    let result = follower.block(body);
    Steps {
        steps: follower.steps,
        result,
    }
}

/// An arithmetic operator.
struct Operator {
    name: &'static str,
    /// Its shape rule on two tensors; a tensor is divided by numbers alone.
    rule: Option<&'static str>,
}

impl Operator {
    fn of(op: &BinOp) -> Option<Operator> {
        let (name, rule) = match op {
            BinOp::Add(_) => ("add", Some("add")),
            BinOp::Sub(_) => ("sub", Some("sub")),
            BinOp::Mul(_) => ("mul", Some("mul")),
            BinOp::Div(_) => ("div", None),
            _ => return None,
        };
        Some(Operator { name, rule })
    }
}

struct Follower<'a> {
    steps: Vec<Step>,
    /// Variables whose shape is followed, and the step they hold.
    known: HashMap<String, Ident>,
    /// Names of variables and of functions inside `forward`: calls of them are no calls of zkml's functions.
    local: Vec<String>,
    methods: &'a [String],
    zkml: &'a syn::Path,
}

impl Follower<'_> {
    fn block(&mut self, body: &Block) -> Option<Ident> {
        self.local
            .extend(body.stmts.iter().filter_map(|statement| match statement {
                Stmt::Item(Item::Fn(function)) => Some(function.sig.ident.to_string()),
                _ => None,
            }));
        for (i, statement) in body.stmts.iter().enumerate() {
            match statement {
                Stmt::Local(local) => {
                    let value = match &local.init {
                        Some(init) if init.diverge.is_none() => self.value(&init.expr),
                        _ => None,
                    };
                    self.bind(&local.pat, value);
                }
                Stmt::Expr(value, None) if i + 1 == body.stmts.len() => return self.value(value),
                Stmt::Expr(Expr::Return(returned), _) => {
                    return returned.expr.as_ref().and_then(|value| self.value(value));
                }
                Stmt::Expr(value, _) => {
                    self.value(value);
                }
                Stmt::Macro(statement) => {
                    let mut assigned = Assigned(Vec::new());
                    assigned.visit_macro(&statement.mac);
                    self.forget(&assigned.0);
                }
                Stmt::Item(_) => {}
            }
            if Returns::in_statement(statement) {
                // What comes after may not run.
                return None;
            }
        }
        None
    }

    fn bind(&mut self, pattern: &Pat, value: Option<Ident>) {
        let mut names = Names(Vec::new());
        names.visit_pat(pattern);
        self.local.extend(names.0);
        match pattern {
            Pat::Ident(pattern) => self.set(&pattern.ident, value),
            Pat::Type(typed) => self.bind(&typed.pat, value),
            other => {
                let mut names = Names(Vec::new());
                names.visit_pat(other);
                for name in names.0 {
                    self.known.remove(&name);
                }
            }
        }
    }

    fn set(&mut self, name: &Ident, value: Option<Ident>) {
        match value {
            Some(value) => self.known.insert(name.to_string(), value),
            None => self.known.remove(&name.to_string()),
        };
    }

    /// The step that computes `value`; `None` if it is unknown. Operations inside become steps either way, so that
    /// their mistakes are reported.
    fn value(&mut self, value: &Expr) -> Option<Ident> {
        match peel(value) {
            Expr::Path(path) => self.known.get(&path.path.get_ident()?.to_string()).cloned(),
            Expr::MethodCall(call) => {
                let result = self.method(call);
                // A closure among the arguments may assign to a variable.
                self.forget(&Assigned::in_expression(value));
                result
            }
            Expr::Call(call) => {
                let result = self.call(call);
                self.forget(&Assigned::in_expression(value));
                result
            }
            Expr::Binary(binary) if Operator::of(&binary.op).is_some() => self.binary(binary),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
                let x = self.value(&unary.expr)?;
                Some(self.step("neg", quote!(scalar(#x)), unary.op.span()))
            }
            Expr::Field(field) if is_self(&field.base) => match &field.member {
                syn::Member::Named(name) => {
                    let text = name.to_string();
                    Some(self.push(&text, quote!(options.infer_parameter(#text)), name.span()))
                }
                syn::Member::Unnamed(_) => None,
            },
            Expr::Tuple(tuple) => {
                tuple.elems.iter().for_each(|element| drop(self.value(element)));
                None
            }
            Expr::Array(array) => {
                array.elems.iter().for_each(|element| drop(self.value(element)));
                None
            }
            Expr::Assign(assign) => {
                let value = self.value(&assign.right);
                if let Expr::Path(path) = &*assign.left
                    && let Some(name) = path.path.get_ident()
                {
                    self.set(name, value);
                }
                None
            }
            Expr::Block(block) if block.label.is_none() => {
                // Variables that the block declares end with it. Outer variables that it assigns to become unknown.
                let outer = self.known.clone();
                let value = self.block(&block.block);
                let assigned = Assigned::in_expression(&Expr::Block(block.clone()));
                self.known = outer;
                self.forget(&assigned);
                value
            }
            // `dbg!(x)` is `x`.
            Expr::Macro(invocation) if invocation.mac.path.is_ident("dbg") => {
                let inner = invocation.mac.parse_body::<Expr>();
                inner.ok().and_then(|inner| self.value(&inner))
            }
            other => {
                self.forget(&Assigned::in_expression(other));
                None
            }
        }
    }

    /// An operation on two tensors, or on a tensor and a number.
    fn binary(&mut self, binary: &syn::ExprBinary) -> Option<Ident> {
        let operator = Operator::of(&binary.op)?;
        let span = binary.op.span();
        let (left, right) = (&binary.left, &binary.right);
        if is_number(left) || is_number(right) {
            let x = self.value(if is_number(left) { right } else { left })?;
            return Some(self.step(operator.name, quote!(scalar(#x)), span));
        }
        let (left, right) = (self.value(left), self.value(right));
        let (left, right) = (left?, right?);
        let rule = format_ident!("{}", operator.rule?);
        Some(self.step(operator.name, quote!(#rule(#left, #right)), span))
    }

    fn forget(&mut self, names: &[String]) {
        for name in names {
            self.known.remove(name);
        }
    }

    fn method(&mut self, call: &ExprMethodCall) -> Option<Ident> {
        if let Some(layer) = CallLayers::layer(self.methods, call) {
            let inputs: Vec<Option<Ident>> = call.args.iter().map(|argument| self.value(argument)).collect();
            let [Some(input)] = inputs.as_slice() else {
                return None;
            };
            let name = layer.to_string();
            return Some(self.layer_step(&name, input, layer.span()));
        }
        if is_self(&call.receiver) {
            call.args.iter().for_each(|argument| drop(self.value(argument)));
            return None;
        }
        // `self.conv1.forward(x)`, written out.
        if call.method == "forward"
            && let Expr::Field(field) = &*call.receiver
            && is_self(&field.base)
            && let syn::Member::Named(layer) = &field.member
        {
            let input = self.value(call.args.first()?)?;
            return Some(self.layer_step(&layer.to_string(), &input, layer.span()));
        }
        let receiver = self.value(&call.receiver);
        let arguments: Vec<&Expr> = call.args.iter().collect();
        let receiver = receiver?;
        match call.method.to_string().as_str() {
            "clone" | "tensor" if arguments.is_empty() => Some(receiver),
            "matmul" => {
                let [right] = arguments.as_slice() else {
                    return None;
                };
                let right = self.value(right)?;
                Some(self.step("matmul", quote!(matmul(#receiver, #right)), call.method.span()))
            }
            "view" => self.function("reshape", receiver, &arguments, call.method.span()),
            name @ ("relu" | "flatten" | "reshape" | "permute" | "argmax" | "softmax" | "log_softmax"
            | "transpose" | "narrow" | "clamp" | "mean" | "mean_keepdim" | "sum" | "sum_keepdim"
            | "select" | "unsqueeze" | "squeeze") => {
                self.function(name, receiver, &arguments, call.method.span())
            }
            _ => None,
        }
    }

    fn call(&mut self, call: &ExprCall) -> Option<Ident> {
        let Expr::Path(path) = peel(&call.func) else {
            call.args.iter().for_each(|argument| drop(self.value(argument)));
            return None;
        };
        let function = &path.path.segments.last()?.ident;
        let name = function.to_string();
        if path.path.get_ident().is_some() && self.local.contains(&name) {
            call.args.iter().for_each(|argument| drop(self.value(argument)));
            return None;
        }
        let mut arguments = call.args.iter();
        let first = arguments.next()?;
        let rest: Vec<&Expr> = arguments.collect();
        if name == "cat" {
            let Expr::Array(tensors) = peel(first) else {
                return None;
            };
            let tensors: Vec<Option<Ident>> = tensors.elems.iter().map(|tensor| self.value(tensor)).collect();
            let tensors: Vec<Ident> = tensors.into_iter().collect::<Option<_>>()?;
            let [axis] = rest.as_slice() else { return None };
            let axis = integer(axis)?;
            return Some(self.step("cat", quote!(cat(&[#(#tensors),*], #axis)), function.span()));
        }
        if let "matmul" | "scaled_dot_product_attention" | "scaled_dot_product_attention_with" = name.as_str()
        {
            return self.of_tensors(call, function);
        }
        let first = self.value(first);
        rest.iter().for_each(|argument| drop(self.value(argument)));
        let name = if name == "view" { "reshape" } else { name.as_str() };
        self.function(name, first?, &rest, function.span())
    }

    /// A function of several tensors. Options after them do not change the shape.
    fn of_tensors(&mut self, call: &ExprCall, function: &Ident) -> Option<Ident> {
        let name = function.to_string();
        let plain = name.trim_end_matches("_with");
        let count = if plain == "matmul" { 2 } else { 3 };
        let tensors: Vec<Option<Ident>> = call.args.iter().map(|argument| self.value(argument)).collect();
        let tensors: Vec<Ident> = tensors.into_iter().take(count).collect::<Option<_>>()?;
        if tensors.len() != count {
            return None;
        }
        let rule = format_ident!("{plain}");
        Some(self.step(plain, quote!(#rule(#(#tensors),*)), function.span()))
    }

    fn function(&mut self, name: &str, x: Ident, arguments: &[&Expr], span: Span) -> Option<Ident> {
        let rule = match (name, arguments) {
            (name, _) if ELEMENTWISE_FUNCTIONS.contains(&name) => {
                let function = format_ident!("{name}");
                quote!(#function(#x))
            }
            ("relu" | "relu6", []) => {
                let function = format_ident!("{name}");
                quote!(#function(#x))
            }
            ("max_pool2d" | "avg_pool2d" | "subsample2d", [size]) => {
                let (function, size) = (format_ident!("{name}"), pair(size)?);
                quote!(#function(#x, #size))
            }
            ("adaptive_avg_pool2d" | "adaptive_max_pool2d", [size]) => {
                let size = pair(size)?;
                quote!(adaptive_avg_pool2d(#x, #size))
            }
            ("clamp" | "hardtanh", [_, _]) => quote!(scalar(#x)),
            ("interpolate", [size]) => {
                let size = pair(size)?;
                quote!(interpolate(#x, #size))
            }
            ("pixel_shuffle", [factor]) => {
                let factor = integer(factor)?;
                quote!(pixel_shuffle(#x, #factor))
            }
            ("select", [axis, index]) => {
                let (axis, index) = (integer(axis)?, integer(index)?);
                quote!(select(#x, #axis, #index))
            }
            ("mean" | "mean_keepdim" | "sum" | "sum_keepdim", [axes]) => {
                let axes = integers(axes).or_else(|| Some(vec![integer(axes)?]))?;
                let keepdim = name.ends_with("keepdim");
                let operation = name.trim_end_matches("_keepdim");
                quote!(reduced(#operation, #x, &[#(#axes),*], #keepdim))
            }
            ("transpose", [first, second]) => {
                let (first, second) = (integer(first)?, integer(second)?);
                quote!(transpose(#x, #first, #second))
            }
            ("narrow", [axis, start, length]) => {
                let (axis, start, length) = (integer(axis)?, integer(start)?, integer(length)?);
                quote!(narrow(#x, #axis, #start, #length))
            }
            (
                "flatten" | "argmax" | "softmax" | "log_softmax" | "normalize" | "unsqueeze" | "squeeze",
                [axis],
            ) => {
                let (function, axis) = (format_ident!("{name}"), integer(axis)?);
                quote!(#function(#x, #axis))
            }
            ("reshape", [list]) => {
                let sizes = self.sizes(list)?;
                quote!(reshape(#x, &[#(#sizes),*]))
            }
            ("permute", [list]) => {
                let list = integers(list)?;
                quote!(permute(#x, &[#(#list),*]))
            }
            ("pad", [list]) => {
                let list = integers(list)?;
                quote!(pad(#x, &[#(#list),*]))
            }
            _ => return None,
        };
        Some(self.step(name, rule, span))
    }

    /// The sizes of a reshape: literals, and `x.size(0)` of a variable whose shape is followed.
    fn sizes(&self, list: &Expr) -> Option<Vec<TokenStream>> {
        let Expr::Array(array) = peel(list) else {
            return None;
        };
        let zkml = self.zkml;
        let size = |value: &Expr| match peel(value) {
            Expr::MethodCall(call) if call.method == "size" => {
                let Expr::Path(path) = peel(&call.receiver) else {
                    return None;
                };
                let x = self.known.get(&path.path.get_ident()?.to_string())?;
                let axis = integer(call.args.first()?)?;
                Some(quote!(#zkml::nn::infer::size(#x, #axis)))
            }
            other => integer(other).map(|value| quote!(#value)),
        };
        array.elems.iter().map(size).collect()
    }

    fn layer_step(&mut self, layer: &str, input: &Ident, span: Span) -> Ident {
        self.push(layer, quote!(options.infer_layer(#layer, #input)), span)
    }

    fn step(&mut self, name: &str, rule: TokenStream, span: Span) -> Ident {
        let zkml = self.zkml;
        self.push(name, quote!(#zkml::nn::infer::#rule), span)
    }

    fn push(&mut self, name: &str, rule: TokenStream, span: Span) -> Ident {
        let name = format_ident!("{}_{}", name.trim_start_matches("r#"), self.steps.len());
        self.steps.push(Step {
            name: name.clone(),
            rule,
            span,
        });
        name
    }
}
