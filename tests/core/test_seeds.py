import hashlib

from core.seeds import derive_seed, generator


def test_a_seed_is_the_hash_of_root_and_names() -> None:
    spelled = b"7\x1fals\x1ftest"
    whole = int.from_bytes(hashlib.blake2b(spelled, digest_size=8).digest(), "big")
    assert derive_seed(7, "als", "test") == whole >> 1


def test_seeds_differ_by_root_and_by_name_and_fit_63_bits() -> None:
    seeds = [derive_seed(root, name) for root in range(20) for name in ("als", "tower", "ranker")]
    assert len(set(seeds)) == 60
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_names_are_not_run_together() -> None:
    assert derive_seed(7, "ab", "c") != derive_seed(7, "a", "bc")
    assert derive_seed(7, "1") != derive_seed(71)


def test_equal_names_draw_equal_numbers() -> None:
    one, same, other = (generator(7, name).random(5).tolist() for name in ("a", "a", "b"))
    assert one == same
    assert one != other
