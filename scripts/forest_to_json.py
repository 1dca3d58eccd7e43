"""scikit-learn's trees and forests in XGBoost's JSON, which `zkml_models::forest::Forest::open` reads.

    python scripts/forest_to_json.py model.joblib model.json

or, in a program, `json.dump(convert(model), file)`. Decision trees, random forests, extra trees and gradient boosting
(histogram-based too), of regression and classification. A leaf of a forest holds its share of the average; two classes
give one margin, above 0 for the second class (for a vote: the probability of the second class minus one half).

joblib files are pickles: reading one runs code. Read only your own.
"""

import json
import sys

import numpy as np


def below(threshold):
    """scikit-learn goes left for `x <= t`, XGBoost for `x < t`; both compare 32-bit floats."""
    rounded = np.float32(threshold)
    if float(rounded) > threshold:
        rounded = np.nextafter(rounded, np.float32(-np.inf))
    return float(np.nextafter(rounded, np.float32(np.inf)))


def tree_json(left, right, feature, threshold, default_left, leaves, targets, features):
    """`leaves[i]` has the values of node i, where it is a leaf: a list of as many as there are targets, or of one."""
    numbers, weights = {}, []
    for node, child in enumerate(left):
        if child < 0:
            numbers[node] = len(numbers)
            weights.extend(float(np.float32(value)) for value in leaves[node])
    several = targets > 1
    nodes = range(len(left))
    return {
        "left_children": [int(max(child, -1)) for child in left],
        "right_children": [(numbers[n] if several else -1) if left[n] < 0 else int(right[n]) for n in nodes],
        "split_indices": [0 if left[n] < 0 else int(feature[n]) for n in nodes],
        "split_conditions": [
            (0.0 if several else float(np.float32(leaves[n][0]))) if left[n] < 0 else below(float(threshold[n])) for n in nodes
        ],
        "split_type": [0 for _ in nodes],
        "default_left": [int(bool(default_left[n])) for n in nodes],
        "leaf_weights": weights if several else [],
        "tree_param": {"num_nodes": str(len(left)), "num_feature": str(features), "size_leaf_vector": str(targets)},
    }


def of_tree(tree, leaves, targets):
    """A `sklearn.tree._tree.Tree`."""
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, dtype=bool))
    return tree_json(
        tree.children_left, tree.children_right, tree.feature, tree.threshold, missing, leaves, targets, tree.n_features
    )


def model_json(trees, info, base, objective, classes, targets, features, names):
    base = ",".join(repr(float(score)) for score in base)
    return {
        "learner": {
            "feature_names": [str(name) for name in names],
            "gradient_booster": {"name": "gbtree", "model": {"trees": trees, "tree_info": info}},
            "learner_model_param": {
                "base_score": f"[{base}]",
                "num_class": str(classes),
                "num_feature": str(features),
                "num_target": str(targets),
            },
            "objective": {"name": objective},
        },
        "version": [3, 0, 0],
    }


def convert(model):
    """The JSON of a fitted model."""
    kind = type(model).__name__
    names = getattr(model, "feature_names_in_", [])
    features = model.n_features_in_
    if kind.startswith("HistGradientBoosting"):
        return histogram(model, features, names)
    if kind.startswith("GradientBoosting"):
        return boosting(model, features, names)
    if hasattr(model, "estimators_") and ("Forest" in kind or "ExtraTrees" in kind):
        estimators = model.estimators_
    elif hasattr(model, "tree_"):
        estimators = [model]
    else:
        raise SystemExit(f"expected trees, a forest or gradient boosting of scikit-learn, found {kind}")
    return average(model, [estimator.tree_ for estimator in estimators], features, names)


def average(model, trees, features, names):
    count = len(trees)
    if not hasattr(model, "classes_"):
        targets = model.n_outputs_
        leaves = [tree.value[:, :, 0] / count for tree in trees]
        trees = [of_tree(tree, leaf, targets) for tree, leaf in zip(trees, leaves)]
        return model_json(trees, [0] * count, [0.0] * targets, "reg:squarederror", 0, targets, features, names)
    if model.n_outputs_ != 1:
        raise SystemExit("expected one output of classes, found several")
    # Counts or shares of each class, depending on the version.
    shares = [tree.value[:, 0, :] / tree.value[:, 0, :].sum(axis=1, keepdims=True) for tree in trees]
    classes = len(model.classes_)
    if classes == 2:
        leaves = [((share[:, 1:] - 0.5) / count) for share in shares]
        trees = [of_tree(tree, leaf, 1) for tree, leaf in zip(trees, leaves)]
        return model_json(trees, [0] * count, [0.5], "binary:logitraw", 0, 1, features, names)
    leaves = [share / count for share in shares]
    trees = [of_tree(tree, leaf, classes) for tree, leaf in zip(trees, leaves)]
    return model_json(trees, [0] * count, [0.0] * classes, "multi:softprob", classes, 1, features, names)


def sigmoid(margin):
    return 1.0 / (1.0 + np.exp(-margin))


def boosting(model, features, names):
    rows, columns = model.estimators_.shape
    trees, info = [], []
    for row in range(rows):
        for column in range(columns):
            tree = model.estimators_[row, column].tree_
            trees.append(of_tree(tree, tree.value[:, :, 0] * model.learning_rate, 1))
            info.append(column)
    base = model._raw_predict_init(np.zeros((1, features), dtype=np.float32))[0]
    return boosted(model, trees, info, base, columns, features, names)


def histogram(model, features, names):
    trees, info = [], []
    for predictors in model._predictors:
        for column, predictor in enumerate(predictors):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise SystemExit("expected numerical features, found a categorical one: encode it as numbers")
            leaf = nodes["is_leaf"].astype(bool)
            left = np.where(leaf, -1, nodes["left"].astype(np.int64))
            leaves = nodes["value"].reshape(-1, 1)
            arguments = (nodes["right"], nodes["feature_idx"], nodes["num_threshold"], nodes["missing_go_to_left"])
            trees.append(tree_json(left, *arguments, leaves, 1, features))
            info.append(column)
    base = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)
    return boosted(model, trees, info, base, model.n_trees_per_iteration_, features, names)


def boosted(model, trees, info, base, columns, features, names):
    if not hasattr(model, "classes_"):
        return model_json(trees, info, base, "reg:squarederror", 0, 1, features, names)
    if columns == 1:
        return model_json(trees, info, [sigmoid(base[0])], "binary:logistic", 0, 1, features, names)
    return model_json(trees, info, base, "multi:softprob", columns, 1, features, names)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    import joblib

    with open(sys.argv[2], "w") as file:
        json.dump(convert(joblib.load(sys.argv[1])), file)
