import numpy as np
import pytest

from dltricks.core.errors import UsageError
from dltricks.datasets.csv import Csv

IRIS = "length,width,kind\n1,2,setosa\n3,4,virginica\n5.5,-6e1,setosa\n"


class Files:
    def __init__(self, root):
        self.root = root

    def resolve(self, path):
        return self.root / path


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
def load(files):
    def load(text, target="kind", test=None, **fields):
        (files.root / "a.csv").write_text(text, "utf-8", newline="")
        if test is not None:
            (files.root / "b.csv").write_text(test, "utf-8", newline="")
            fields["test"] = "b.csv"
        return Csv("a.csv", target, **fields).load(files, 0)

    return load


def test_a_table_with_classes(load):
    data = load(IRIS)
    np.testing.assert_array_equal(data.x, [[1, 2], [3, 4], [5.5, -60]])
    assert data.y.tolist() == [0, 1, 0]
    assert data.y.dtype == np.int64
    assert list(data.classes) == ["setosa", "virginica"]
    assert list(data.features) == ["length", "width"]
    assert list(data.targets) == ["kind"]
    assert data.test_x is None


def test_regression(load):
    data = load("a,price\n1,10\n2,20.5\n", "price", task="regression")
    assert data.task == "regression"
    np.testing.assert_array_equal(data.y, [[10], [20.5]])
    assert not data.classes


def test_the_target_may_be_any_column(load):
    data = load("kind,a\nx,1\ny,2\nx,3\n")
    np.testing.assert_array_equal(data.x, [[1], [2], [3]])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["10", "9", "1", "9"], ["1", "9", "10"]),
        (["10", "9", "b", "9"], ["10", "9", "b"]),
        (["-1.5", "2e0", "-1.5"], ["-1.5", "2e0"]),
        (["Z", "a", "a"], ["Z", "a"]),
    ],
)
def test_classes_are_sorted_as_numbers_only_where_all_are(load, labels, classes):
    data = load("a,kind\n" + "".join(f"1,{label}\n" for label in labels))
    assert list(data.classes) == classes
    assert [classes[i] for i in data.y] == labels


def test_spelling_of_the_file(load):
    text = '\ufeff a ; kind\r\n\r\n 1 ; \'x\' \r\n2;"y;z"\r\n\n3;"y;z"\r\n'
    data = load(text, delimiter=";")
    assert list(data.features) == ["a"]
    assert data.x.ravel().tolist() == [1, 2, 3]
    assert list(data.classes) == ["'x'", "y;z"]


def test_a_test_file_is_matched_by_names(load):
    data = load(IRIS, test="kind,width,length\nvirginica,7,8\n")
    np.testing.assert_array_equal(data.test_x, [[8, 7]])
    assert data.test_y.tolist() == [1]


def test_onehot_makes_a_column_for_each_category(load):
    data = load(
        "colour,a,kind\nred,1,x\nblue,2,y\nred,3,x\n",
        categorical="onehot",
        test="colour,a,kind\nblue,5,x\n",
    )
    assert list(data.features) == ["colour=blue", "colour=red", "a"]
    np.testing.assert_array_equal(data.x, [[0, 1, 1], [1, 0, 2], [0, 1, 3]])
    np.testing.assert_array_equal(data.test_x, [[1, 0, 5]])


@pytest.mark.parametrize("mark", ["", "NA", "n/a", "NaN", "null", "?", " "])
def test_gaps_wait_for_the_mean_of_the_training_part(load, mark):
    data = load(f"a,kind\n1,x\n{mark},y\n5,x\n", missing="mean", test=f"a,kind\n{mark},x\n100,y\n")
    assert data.gaps
    np.testing.assert_array_equal(data.x.ravel(), [1, np.nan, 5])
    np.testing.assert_array_equal(data.test_x.ravel(), [np.nan, 100])
    assert not load("a,kind\n1,x\n2,y\n5,x\n").gaps


def test_drop_leaves_out_rows_with_gaps(load):
    text = "a,c,kind\n1,u,x\n,u,y\n3,,x\n4,v,\n5,v,y\n"
    data = load(text, missing="drop", categorical="onehot")
    assert data.x.tolist() == [[1, 1, 0], [5, 0, 1]]
    assert data.y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "fields", "message"),
    [
        ("", {}, "is empty; its first line must name"),
        ("\n\n", {}, "is empty"),
        ("a,kind\n", {}, "no row follows"),
        ("a,,kind\n1,2,x\n", {}, r":1: column 2 has no name"),
        ("a,a,kind\n1,2,x\n", {}, r":1: two columns are named 'a'"),
        ("a,Kind\n1,x\n", {}, r"no column 'kind', the target; did you mean 'Kind'\? \(columns: a, Kind\)"),
        ("a;kind\n1;x\n", {}, r"only one column: is the delimiter ';'\?"),
        ("kind\nx\ny\n", {}, "the only column"),
        ("a,kind\n1,x\n2,y,z\n", {}, r":3: 3 cells, but the first line names 2"),
        ("a,kind\n1,x\n\n2\n", {}, r":4: 1 cells, but the first line names 2"),
        ('a,kind\n1,"x\n2,y\n', {}, r":2: .* quotation mark left open"),
        ("a,kind\n1,x\n12b,y\n3,x\n", {}, r":3: column 'a' holds '12b', which is no number, while most"),
        ("a,kind\nred,x\nblue,y\n", {}, r":2: column 'a' holds 'red'.*`categorical: onehot`"),
        ("a,kind\n1,x\ninf,y\n", {}, r":3: column 'a' holds 'inf'; only finite"),
        ("a,kind\n1,x\n1e999,y\n", {}, r":3: column 'a' holds '1e999'; only finite"),
        ("a,kind\n1,x\nNaN,y\n", {}, r":3: column 'a' holds 'NaN', a missing value; give `missing: mean`"),
        ("a,kind\n1,x\n,y\n", {}, r":3: column 'a' has no value; give `missing: mean`"),
        ("a,kind\n1_000,x\n2,y\n3,x\n", {}, r":2: column 'a' holds '1_000', which is no number"),
        ("a,kind\n,x\n?,y\n", {}, "column 'a' has no values"),
        ("a,kind\n1,x\n2,\n3,x\n", {}, r":3: column 'kind' has no value, and a target cannot"),
        ("a,kind\n1,0\n2,NaN\n3,1\n4,1\n", {"missing": "mean"}, r":3: column 'kind' has no value"),
        ("a,kind\n1,x\n2,x\n", {}, "holds 1 class; at least 2"),
        ("a,kind\n1,0.5\n2,0.7\n3,0.9\n", {}, "`task: regression`"),
        ("a,kind\n1,1\n2,1.0\n3,2\n", {}, "one number as '1' and as '1.0'"),
        ("a,kind\n1,x\n,y\n2,x\n", {"missing": "drop"}, "class 'y' has no samples left"),
        ("a,b,kind\n1,,x\n,2,y\n", {"missing": "drop"}, "leaves none"),
        ("a,kind\nu,x\n,y\nv,x\n", {"missing": "mean", "categorical": "onehot"}, "text has no mean"),
        (
            "a,kind\n1,10\n2,ten\n3,ten\n",
            {"task": "regression"},
            r":3: column 'kind' holds 'ten'; regression",
        ),
        ("a,kind\n1,10\n2,20\n3,ten\n", {"task": "regression"}, r":4: column 'kind' holds 'ten'"),
        ("a,kind\n1,x\n", {"delimiter": '"'}, "delimiter"),
    ],
)
def test_trouble_is_a_sentence_with_its_place(load, text, fields, message):
    with pytest.raises(UsageError, match=r"a\.csv.*" + message if "delimiter" not in fields else message):
        load(text, **fields)


def test_bytes_that_are_not_utf8_have_a_line(files):
    (files.root / "a.csv").write_bytes("a,kind\n1,x\n2,é\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"a\.csv:3: not UTF-8 \(byte 0xe9\); save"):
        Csv("a.csv", "kind").load(files, 0)


def test_too_many_texts_are_no_categories(load):
    text = "name,kind\n" + "".join(f"n{i},{'xy'[i % 2]}\n" for i in range(1001))
    with pytest.raises(UsageError, match="column 'name' holds 1001 different texts"):
        load(text, categorical="onehot")


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("length,kind\n1,setosa\n", "no column 'width', which the training file has"),
        ("length,width,kind,id\n1,2,setosa,3\n", "has no column 'id'; remove it"),
        ("length,width\n1,2\n", "no column 'kind', the target"),
        (
            "length,width,kind\n1,2,setossa\n",
            r":2: .*'setossa', a class without training samples; did you mean",
        ),
        ("length,width,kind\n1,big,setosa\n", r":2: column 'width' holds 'big', where the training file has"),
        ("length,width,kind\n1,,setosa\n", r":2: column 'width' has no value"),
    ],
)
def test_a_test_file_must_fit_the_training_file(load, test, message):
    with pytest.raises(UsageError, match=r"b\.csv.*" + message):
        load(IRIS, test=test)


def test_an_unseen_category_is_refused(load):
    with pytest.raises(UsageError, match=r"b\.csv:2: column 'c' holds 'gren', .* never has; did you mean 'green'"):
        load("c,kind\ngreen,x\nred,y\nred,x\n", categorical="onehot", test="c,kind\ngren,x\n")


def test_the_files_are_part_of_a_run():
    assert Csv("a.csv", "y").user_files() == ["a.csv"]
    assert Csv("a.csv", "y", test="b.csv").user_files() == ["a.csv", "b.csv"]


def test_new_rows_go_through_the_same_encoding(load, files):
    fields = {"categorical": "onehot", "missing": "mean"}
    data = load("c,a,kind\nred,1,x\nblue,3,y\nred,,x\n", **fields)
    new = files.root / "new.csv"
    new.write_text("a,c\n,blue\n9,red\n", "utf-8")
    x = Csv("a.csv", "kind", **fields).predict_inputs(new, data)
    np.testing.assert_array_equal(x, [[1, 0, np.nan], [0, 1, 9]])
    new.write_text("a,kind,c\n7,whatever,red\n", "utf-8")
    np.testing.assert_array_equal(Csv("a.csv", "kind", **fields).predict_inputs(new, data), [[0, 1, 7]])


def test_new_rows_are_never_dropped(load, files):
    data = load(IRIS, missing="drop")
    new = files.root / "new.csv"
    new.write_text("length,width\n1,\n", "utf-8")
    with pytest.raises(UsageError, match=r"new\.csv:2: column 'width' has no value; every row must be whole"):
        Csv("a.csv", "kind", missing="drop").predict_inputs(new, data)
    new.write_text("length\n1\n", "utf-8")
    with pytest.raises(UsageError, match="no column 'width'"):
        Csv("a.csv", "kind", missing="drop").predict_inputs(new, data)
