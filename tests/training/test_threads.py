from threadpoolctl import threadpool_info

from training.threads import available_threads, one_blas_thread


def test_the_variable_lowers_but_never_raises(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    most = available_threads()
    assert most >= 1
    for text, expected in (("1", 1), ("9999", most), ("0", most), ("many", most)):
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert available_threads() == expected


def test_blas_is_kept_to_one_thread():
    with one_blas_thread():
        blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        assert blas
        assert {pool["num_threads"] for pool in blas} == {1}
