"""Makes zkml-models/tests/fixtures/forests.json: forests of XGBoost and scikit-learn, rows, and the margins they give.

    python scripts/reference_forest.py

The data come with scikit-learn. Versions: scripts/requirements.txt.
"""

import json
import pathlib

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

from forest_to_json import convert

ROWS = 24
# What the reader needs.
KEPT = {
    "left_children", "right_children", "split_indices", "split_conditions", "split_type", "default_left", "leaf_weights"
}  # fmt: skip


def xgboost(name, model, x, y):
    model.fit(x, y)
    path = pathlib.Path("/tmp") / "zkml-forest.json"
    model.save_model(path)
    text = json.loads(path.read_text())
    path.unlink()
    booster = text["learner"]["gradient_booster"]
    for tree in booster.get("gbtree", booster)["model"]["trees"]:
        for key in set(tree) - KEPT:
            del tree[key]
    rows = x[:: len(x) // ROWS][:ROWS]
    margins = model.get_booster().predict(xgb.DMatrix(rows), output_margin=True)
    return case(name, text, rows, margins)


def sklearn(name, model, x, y, margins):
    model.fit(x, y)
    rows = x[:: len(x) // ROWS][:ROWS].astype(np.float32)
    return case(name, convert(model), rows, margins(model, rows))


def case(name, model, rows, margins):
    rows = [[None if np.isnan(value) else float(value) for value in row] for row in np.asarray(rows, dtype=np.float32)]
    margins = np.asarray(margins, dtype=np.float64).reshape(len(rows), -1).tolist()
    return {"name": name, "model": model, "rows": rows, "margins": margins}


def main():
    cancer, wine, diabetes = load_breast_cancer(), load_wine(), load_diabetes()
    holes = cancer.data.astype(np.float32)
    holes[np.random.default_rng(1).random(holes.shape) < 0.1] = np.nan
    two = np.c_[diabetes.target, -2 * diabetes.target]
    tree = {"n_estimators": 5, "max_depth": 3, "random_state": 1}
    cases = [
        xgboost("xgboost binary", xgb.XGBClassifier(**tree), holes, cancer.target),
        xgboost("xgboost classes", xgb.XGBClassifier(**tree), wine.data, wine.target),
        xgboost("xgboost regression", xgb.XGBRegressor(**tree), diabetes.data, diabetes.target),
        xgboost("xgboost poisson", xgb.XGBRegressor(objective="count:poisson", **tree), diabetes.data, diabetes.target),
        xgboost("xgboost dart", xgb.XGBRegressor(booster="dart", rate_drop=0.5, **tree), diabetes.data, diabetes.target),
        xgboost(
            "xgboost two targets",
            xgb.XGBRegressor(multi_strategy="multi_output_tree", **tree),
            diabetes.data,
            two,
        ),
        sklearn(
            "scikit-learn random forest of classes",
            RandomForestClassifier(**tree),
            wine.data,
            wine.target,
            lambda model, rows: model.predict_proba(rows),
        ),
        sklearn(
            "scikit-learn random forest of two classes",
            RandomForestClassifier(**tree),
            cancer.data,
            cancer.target,
            lambda model, rows: model.predict_proba(rows)[:, 1] - 0.5,
        ),
        sklearn(
            "scikit-learn extra trees of two targets",
            ExtraTreesRegressor(**tree),
            diabetes.data,
            two,
            lambda model, rows: model.predict(rows),
        ),
        sklearn(
            "scikit-learn tree",
            DecisionTreeClassifier(max_depth=4, random_state=1),
            wine.data,
            wine.target,
            lambda model, rows: model.predict_proba(rows),
        ),
        sklearn(
            "scikit-learn gradient boosting",
            GradientBoostingClassifier(**tree),
            cancer.data,
            cancer.target,
            lambda model, rows: model.decision_function(rows),
        ),
        sklearn(
            "scikit-learn histogram boosting with holes",
            HistGradientBoostingClassifier(max_iter=5, max_depth=3, random_state=1),
            holes,
            cancer.target,
            lambda model, rows: model.decision_function(rows),
        ),
    ]
    path = pathlib.Path(__file__).parent.parent / "zkml-models/tests/fixtures/forests.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size} bytes, {len(cases)} forests")


if __name__ == "__main__":
    main()
