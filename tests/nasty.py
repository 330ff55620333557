"""Names that mean, or could be taken to mean, something outside their own folder."""

NASTY = [
    "", " ", ".", "..", "...", "./a", "../a", "a/..", "a/../b", "a..b", "..a", "a..",
    "/", "/etc/passwd", "//server/share", "a/b", "a//b", "a/", "~", "~root", "~/a", "$HOME",
    "${HOME}",
    "\\", "a\\b", "..\\a", "C:\\Windows", "C:a", "\\\\server\\share", "file:///etc/passwd",
    "%2e%2e", "%2e%2e%2fa", "..%2fa", "%00", "a%2fb", "a\0b", "\0", "a\nb", "a\n", "\na", "a\r",
    "a\tb",
    ".hidden", ".git", ".staging-1", "-rf", "--help", "_a", "a b", " a", "a ", "a;b", "a|b", "a&b",
    "a*b", "a?b", "a:b", "a'b", 'a"b', "`id`", "$(id)", "<a>", "é", "ａ", "а", "𝒂", "a\u200bb",
    "\u202ea",
    "\ufeffa", "..\u2215a", "\uff0e\uff0e\uff0fa", "\ud800", "١", "x" * 129, "a" * 10_000,
]  # fmt: skip
