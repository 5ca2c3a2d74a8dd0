"""Strings that tokenizers get wrong: (group, text) and (group, first, second) for pairs."""


def singles():
    groups = {
        "plain": ["The gardener pruned the pear tree against the wall.", "unexpected", "questioned the botanist",
                  "THE WALL", "a", "z", "gardeners'", "antidisestablishmentarianism", "hello, world"],
        "empty": ["", " ", "   ", "\t", "\n", "\r\n", "\u00a0", "\u200b", "\u0301", "\u3000 \u3000", "é", "日本"],
        "blanks": ["a  b", "a   b", " a", "a ", "  the   wall  ", "a\tb", "a\nb", "a\r\nb", "a \t b", "a\u00a0b",
                   "a \u00a0 b", "a\u2003b", "a\u200bb", "a\u2028b", "a\u0085b", "a\ufeffb", "a\x0bb", "a\x0cb",
                   "the\u00a0wall", "the\u2009\u2009wall"],
        "controls": ["a\x1cb", "a\x1db", "a\x1eb", "a\x1fb", "\x1c", "a \x1c b", "a\x00b", "\x00", "a\x01b", "a\x7fb",
                     "the\x1fwall was", "\x1b[0m tree"],
        "accents": ["café", "cafe\u0301", "naïve façade", "Ångström", "A\u030angstro\u0308m", "Łódź", "Đorđe", "Søren",
                    "œuvre", "Æsop", "ñandú", "ÀÉÎÕÜ", "ça et là", "a\u0300\u0301\u0302b", "\u0301a", "e\u20dd",
                    "x\u0338y", "crème brûlée -- délicieuse"],
        "case": ["İstanbul", "I\u0307", "ıssız", "ß", "Straße", "STRASSE", "ẞ", "ΑΒΓ", "Σίσυφος ΟΔΟΣ", "ǅ",
                 "K\u212aelvin", "\u212b", "ﬁne ﬂow", "ŉ", "The GARDENER", "iPhone", "mIxEd"],
        "scripts": ["Привет мир", "the Москва river", "γειά σου", "日本語テキスト", "the 日本 wall", "日", "한국어",
                    "\u1112\u1161\u11ab", "שלום", "مرحبا", "नमस्ते", "ไทย", "a中b文c", "tree树tree", "ＡＢＣ１２３", "①②③",
                    "½ cup", "x² + y³", "№ 5", "™®©"],
        "canonical": ["a\u037eb", "\u1fef\u1fefquoted''", "a\u226eb", "a\u2260b", "a\u226fb", "\u2000\u2001", "\u0340",
                      "\u2126", "\u0344", "\u0958", "\u0374", "\u00c5\u0323", "q\u0307\u0323", "\u1e9b\u0323"],
        "emoji": ["the 🌳 tree", "🌳", "a🌳b", "👨\u200d👩\u200d👧", "☃\ufe0f snow", "🇫🇷", "👍🏽 good", "tree\ufe0f"],
        "quotes": ["``quotes''", "`single'", "```three'''", "''''", "'''", "``", "''", "\"double\"", "“curly” ‘single’",
                   "don't", "don\u2019t", "'tis", "it's", "we're", "they've", "I'm", "she'd", "you'll", "can't", "n't",
                   "dogs'", "'s", "' s", "rock 'n' roll", "'do not'", "do not", "I do not go", "``a`` ''b''",
                   "'\u0301'", "` `", "' '"],
        "punctuation": ["--", "!!", "!?", "...", "....", "a--b", "a -- b", "--- ---", "wait...what?!",
                        "(so they said).", "[see] {braces} <angles>", "a.b.c", "U.S.A.", "e.g.", "Mr. Smith", "3.14",
                        "$4.50", "12%", "1,000,000", "a/b\\c", "C++", "#tag @user", "a&b", "a+b=c", "~", "^", "|", "*",
                        "§ 5", "—", "a—b", "a–b", "…", "«guillemets»", "¿qué?", "!" * 50, "." * 100, "-" * 101,
                        "?!" * 60, "=" * 300, ":-)", "a . b", "a , b", "what ?", "yes !", " .", ". .", "a . . b"],
        "words": ["_", "__", "a_b", "_a", "variable_name", "snake_case_2", "x1", "1x", "a1b2c3", "007", "1847",
                  "18471848", "6:30", "20baskets", "v2.0_beta", "x_", "1_000", "tree2tree", "²", "a²"],
        "long": ["a" * 99, "a" * 100, "a" * 101, "tree" * 25, "tree" * 25 + "s", "é" * 100, "é" * 101, "e\u0301" * 100,
                 "日" * 200 + "a", "a" * 50 + "日" * 80 + "b" * 50, "a" * 50 + "日" * 80 + "b" * 51,
                 "x" * 100 + " " + "x" * 101 + " tree", "9" * 101, "_" * 101, "the " * 40, "ab" * 3000],
        "special": ["<mask>", "the <mask> tree", "a<mask>b", "<mask><mask>", "<MASK>", "<mask >", "< mask>", "<pad>",
                    "<unk>", "<cls> a <sep>", "<s>x</s>", "<sep><sep>", " <mask> ", "the <mask>.", "<mask>'s",
                    "<masks>", "<<mask>>", "mask", "[MASK]", "é<mask>é", "<mask>\u0301", "x<pad>y<unk>z",
                    "<m\u200bask>", "``<mask>''", "'<sep>'", "  <cls>  ", "</s", "<s", "<cls"],
        "unknown": ["~tree", "tree ~ wall", "a^b", "tree~wall", "{x}", "the ¬ wall", "@@@", "#"],
    }
    return ([(group, text) for group, texts in groups.items() for text in texts] +
            [("ascii", f"a{chr(c)}b") for c in range(128)])


def pairs():
    texts = [("the wall", "a tree"), ("the wall", ""), ("", "a tree"), ("", ""), ("a<sep>b", "c"), ("é", "日"),
             ("The ORCHARD.", "It didn't matter!"), ("a" * 101, "b"), ("\t", "\n"), ("<mask>", "<mask>"),
             ("a b c", "a b c")]
    return [("pair", first, second) for first, second in texts]
