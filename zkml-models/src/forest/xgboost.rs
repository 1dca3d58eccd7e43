//! XGBoost's JSON, as its versions 1 to 3 write it (<https://xgboost.readthedocs.io>, "Introduction to Model IO").

use serde::Deserialize;

use super::{Forest, ForestError, Task, Tree, TreeNode};

/// Trees that a forest may have.
const MAXIMUM_TREES: usize = 1 << 16;
/// Features that a forest may have, and targets.
const MAXIMUM_FEATURES: usize = 1 << 16;
const MAXIMUM_TARGETS: usize = 1 << 10;

#[derive(Deserialize)]
struct Model {
    learner: Learner,
}

#[derive(Deserialize)]
struct Learner {
    #[serde(default)]
    feature_names: Vec<String>,
    gradient_booster: Booster,
    learner_model_param: LearnerParameters,
    objective: Objective,
}

#[derive(Deserialize)]
struct Booster {
    name: String,
    model: Option<Trees>,
    /// Of the booster `dart`: the trees, and a factor for each.
    gbtree: Option<Box<Booster>>,
    weight_drop: Option<Vec<f32>>,
}

#[derive(Deserialize)]
struct Trees {
    tree_info: Vec<usize>,
    trees: Vec<JsonTree>,
}

#[derive(Deserialize)]
struct LearnerParameters {
    base_score: String,
    num_class: String,
    num_feature: String,
    #[serde(default)]
    num_target: Option<String>,
}

#[derive(Deserialize)]
struct Objective {
    name: String,
}

#[derive(Deserialize)]
struct JsonTree {
    left_children: Vec<i64>,
    right_children: Vec<i64>,
    split_conditions: Vec<f32>,
    split_indices: Vec<u64>,
    #[serde(default)]
    split_type: Vec<u8>,
    default_left: Vec<Flag>,
    /// Values of leaves with several targets, one leaf after another.
    #[serde(default)]
    leaf_weights: Vec<f32>,
}

/// Written as a number or as a word, depending on the version.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Flag {
    Word(bool),
    Number(u8),
}

impl Flag {
    fn is_set(self) -> bool {
        match self {
            Self::Word(word) => word,
            Self::Number(number) => number != 0,
        }
    }
}

fn unsupported(place: impl Into<String>, expected: &'static str, found: impl Into<String>) -> ForestError {
    ForestError::Unsupported {
        place: place.into(),
        expected,
        found: found.into(),
    }
}

fn limited(what: &'static str, limit: usize, found: usize) -> Result<usize, ForestError> {
    let too_large = ForestError::TooLarge {
        what,
        limit: limit as u64,
        found: found as u64,
    };
    (found <= limit).then_some(found).ok_or(too_large)
}

fn number(name: &str, text: &str) -> Result<usize, ForestError> {
    let found = || {
        unsupported(
            format!("learner_model_param.{name}"),
            "a number",
            format!("{text:?}"),
        )
    };
    text.parse().map_err(|_| found())
}

pub(super) fn read(bytes: &[u8]) -> Result<Forest, ForestError> {
    let model: Model = serde_json::from_slice(bytes).map_err(|error| ForestError::Json {
        found: error.to_string(),
    })?;
    let Learner {
        feature_names,
        gradient_booster,
        learner_model_param: parameters,
        objective,
    } = model.learner;
    let features = limited(
        "features",
        MAXIMUM_FEATURES,
        number("num_feature", &parameters.num_feature)?.max(1),
    )?;
    let classes = number("num_class", &parameters.num_class)?;
    let several = parameters.num_target.as_deref().unwrap_or("1");
    let targets = classes.max(number("num_target", several)?).max(1);
    let targets = limited("targets", MAXIMUM_TARGETS, targets)?;
    let (task, link) = objective_of(&objective.name, targets)?;
    let base = base_scores(&parameters.base_score, targets, link)?;
    let (trees, weights) = match (gradient_booster.name.as_str(), gradient_booster.gbtree) {
        ("gbtree", _) => (gradient_booster.model, None),
        ("dart", Some(inner)) => (inner.model, gradient_booster.weight_drop),
        (name, _) => {
            return Err(unsupported(
                "gradient_booster.name",
                "gbtree or dart",
                format!("{name:?}"),
            ));
        }
    };
    let trees = trees.ok_or_else(|| unsupported("gradient_booster", "a model of trees", "none"))?;
    limited("trees", MAXIMUM_TREES, trees.trees.len())?;
    if trees.tree_info.len() != trees.trees.len() {
        let found = format!("{} for {} trees", trees.tree_info.len(), trees.trees.len());
        return Err(unsupported("tree_info", "an entry for each tree", found));
    }
    let each = trees.trees.iter().zip(&trees.tree_info).enumerate();
    let read = each.map(|(index, (tree, &target))| {
        let factor = match &weights {
            None => 1.0,
            Some(weights) => *weights.get(index).ok_or_else(|| {
                unsupported("weight_drop", "a factor for each tree", weights.len().to_string())
            })?,
        };
        let reader = Reader {
            tree,
            index,
            target,
            features,
            targets,
            factor,
        };
        reader.read()
    });
    Ok(Forest {
        features,
        trees: read.collect::<Result<_, _>>()?,
        base,
        task,
        names: feature_names,
    })
}

/// How `base_score` becomes a margin.
#[derive(Clone, Copy)]
enum Link {
    Identity,
    Logit,
    Logarithm,
}

fn objective_of(name: &str, targets: usize) -> Result<(Task, Link), ForestError> {
    let kind = name.split(':').next().unwrap_or_default();
    let task = match (name, kind) {
        ("binary:logistic" | "binary:logitraw", _) if targets == 1 => (Task::Binary, Link::Logit),
        ("binary:hinge", _) if targets == 1 => (Task::Binary, Link::Identity),
        ("multi:softmax" | "multi:softprob", _) => (Task::Classes, Link::Identity),
        ("reg:logistic", _) => (Task::Regression, Link::Logit),
        ("count:poisson" | "reg:gamma" | "reg:tweedie", _) => (Task::Regression, Link::Logarithm),
        (_, "reg" | "rank") => (Task::Regression, Link::Identity),
        _ => {
            let expected = "an objective of regression, of two classes or of several";
            return Err(unsupported("objective.name", expected, format!("{name:?}")));
        }
    };
    Ok(task)
}

/// A number, or from version 3 on a list of them, one for each target.
fn base_scores(text: &str, targets: usize, link: Link) -> Result<Vec<f64>, ForestError> {
    let refused = || {
        let expected = "a finite number for each target, within the objective's range";
        unsupported("learner_model_param.base_score", expected, format!("{text:?}"))
    };
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let parsed: Result<Vec<f64>, _> = inner
        .split(',')
        .map(|number| number.trim().parse::<f64>())
        .collect();
    let mut scores = parsed.map_err(|_| refused())?;
    if let [score] = scores[..] {
        scores = vec![score; targets];
    }
    // `libm`: the same network on every machine.
    let margin = |score: f64| match link {
        Link::Identity => score,
        Link::Logit => libm::log(score / (1.0 - score)),
        Link::Logarithm => libm::log(score),
    };
    let margins: Vec<f64> = scores.into_iter().map(margin).collect();
    match margins.len() == targets && margins.iter().all(|margin| margin.is_finite()) {
        true => Ok(margins),
        false => Err(refused()),
    }
}

/// Reads one tree.
struct Reader<'a> {
    tree: &'a JsonTree,
    index: usize,
    target: usize,
    features: usize,
    targets: usize,
    factor: f32,
}

impl Reader<'_> {
    /// From the root down, so that each node is met once; a node that is met twice is refused, and one that is never met
    /// (XGBoost prunes trees without compacting them) is left out.
    fn read(&self) -> Result<Tree, ForestError> {
        let count = self.tree.left_children.len();
        let lengths = [
            self.tree.right_children.len(),
            self.tree.split_conditions.len(),
            self.tree.split_indices.len(),
            self.tree.default_left.len(),
        ];
        if count == 0 || lengths.iter().any(|length| *length != count) {
            let found = format!("{count} and {lengths:?}");
            return Err(unsupported(
                self.place(0),
                "lists of one length for a tree's nodes",
                found,
            ));
        }
        let mut met = vec![false; count];
        let mut nodes: Vec<TreeNode> = Vec::new();
        // Node of the file, and whose child it is: the parent and the side.
        let mut open = vec![(0usize, None::<(usize, usize)>)];
        while let Some((at, parent)) = open.pop() {
            if std::mem::replace(&mut met[at], true) {
                return Err(unsupported(self.place(at), "a tree", "a node with two parents"));
            }
            let here = nodes.len();
            if let Some((parent, side)) = parent
                && let Some(TreeNode::Split { children, .. }) = nodes.get_mut(parent)
            {
                children[side] = here;
            }
            let node = self.node(at)?;
            if matches!(node, TreeNode::Split { .. }) {
                for (side, list) in [(1, &self.tree.right_children), (0, &self.tree.left_children)] {
                    let child = usize::try_from(list[at]).ok().filter(|child| *child < count);
                    let outside = || {
                        unsupported(
                            self.place(at),
                            "children among the tree's nodes",
                            list[at].to_string(),
                        )
                    };
                    open.push((child.ok_or_else(outside)?, Some((here, side))));
                }
            }
            nodes.push(node);
        }
        Ok(Tree { nodes })
    }

    fn node(&self, at: usize) -> Result<TreeNode, ForestError> {
        let tree = self.tree;
        if tree.left_children[at] == -1 {
            return self.leaf(at);
        }
        if tree.split_type.get(at).is_some_and(|kind| *kind != 0) {
            let expected = "a numerical split (encode categories as numbers, one-hot)";
            return Err(unsupported(self.place(at), expected, "a categorical split"));
        }
        let feature = usize::try_from(tree.split_indices[at]).unwrap_or(usize::MAX);
        let threshold = tree.split_conditions[at];
        if feature >= self.features {
            let found = format!("feature {feature} of {}", self.features);
            return Err(unsupported(self.place(at), "a feature of the forest", found));
        }
        if !threshold.is_finite() {
            return Err(unsupported(
                self.place(at),
                "a finite threshold",
                threshold.to_string(),
            ));
        }
        Ok(TreeNode::Split {
            feature,
            threshold,
            default_left: tree.default_left[at].is_set(),
            children: [0; 2],
        })
    }

    fn leaf(&self, at: usize) -> Result<TreeNode, ForestError> {
        let tree = self.tree;
        let (first, values) = if tree.leaf_weights.is_empty() {
            (self.target, core::slice::from_ref(&tree.split_conditions[at]))
        } else {
            // The number of the leaf stands in the place of its right child.
            let number = usize::try_from(tree.right_children[at]).unwrap_or(usize::MAX);
            let start = number.saturating_mul(self.targets);
            let values = tree.leaf_weights.get(start..start.saturating_add(self.targets));
            let outside = || {
                unsupported(
                    self.place(at),
                    "a leaf with a value for each target",
                    number.to_string(),
                )
            };
            (0, values.ok_or_else(outside)?)
        };
        if first + values.len() > self.targets {
            let found = format!("target {first} of {}", self.targets);
            return Err(unsupported(self.place(at), "a target of the forest", found));
        }
        let values: Vec<f32> = values.iter().map(|value| value * self.factor).collect();
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(unsupported(self.place(at), "a finite leaf", value.to_string())),
            None => Ok(TreeNode::Leaf { first, values }),
        }
    }

    fn place(&self, node: usize) -> String {
        format!("tree {}, node {node}", self.index)
    }
}
