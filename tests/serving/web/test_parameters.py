import pytest

from serving.web.parameters import RecommendationRequest, parse_recommendation
from serving.web.problems import Problem


@pytest.mark.parametrize(
    ("query", "user", "count", "genres"),
    [
        ("user_id=42", "42", 10, ()),
        ("user_id=42&count=50&genres=Sci-Fi,%20Film-Noir,,", "42", 50, ("Sci-Fi", "Film-Noir")),
        ("&count=1&&user_id=a+b%2Fc%00&other=1", "a b/c\0", 1, ()),
        ("user_id=%20zoe%CC%88%20&count=007", "zoë", 7, ()),
        ("user_id=null&genres=", "null", 10, ()),
        ("user_id=a=b&other=x", "a=b", 10, ()),
    ],
)
def test_what_is_asked_for(query, user, count, genres):
    assert parse_recommendation(query) == RecommendationRequest(user, count, genres)


@pytest.mark.parametrize(
    "count",
    ["0", "-1", "51", "1000000000", "9" * 4000, "abc", "", "1.5", "1e1", "+5", "%2B5", "٣", "NaN"],
)
def test_a_bad_count_is_a_problem(count):
    problem = parse_recommendation(f"user_id=a&count={count}")
    assert isinstance(problem, Problem)
    assert (problem.status, problem.parameter) == (400, "count")
    assert "from 1 to 50" in problem.detail
    assert len(problem.detail) < 120


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "user_id"),
        ("count=3", "user_id"),
        ("user_id=", "user_id"),
        ("user_id=%20%09", "user_id"),
        ("user_id=" + "x" * 257, "user_id"),
        ("user_id=" + "%C3%A9" * 129, "user_id"),
        ("user_id=a&user_id=b", "user_id"),
        ("user_id=a&count=1&count=2", "count"),
        ("user_id=a&genres=" + ",".join("abcdefghijklmnopqrstu"), "genres"),
        ("user_id=a&genres=" + "," * 20, "genres"),
        ("user_id=%FF", None),
        ("user_id=%ED%A0%80", None),
    ],
)
def test_other_problems(query, parameter):
    problem = parse_recommendation(query)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.parameter) == (400, parameter)


def test_a_problem_document_written_out():
    problem = Problem(400, "count '0' is not a whole number from 1 to 50", "count")
    assert problem.to_bytes().decode() == (
        '{"type":"urn:daybreak:problem:invalid-parameter","title":"Invalid parameter",'
        '"status":400,"detail":"count \'0\' is not a whole number from 1 to 50",'
        '"parameter":"count"}'
    )
    assert problem.headers["content-type"] == "application/problem+json"
    assert Problem(503, "x").headers["retry-after"] == "5"
