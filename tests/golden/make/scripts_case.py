"""Small tokenizers with BERT's normalizer for several scripts, and added tokens, by Hugging Face's library: what they
make of short sentences."""

import json

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from store import write_json

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<cls>", "<sep>", "<mask>"]
SENTENCES = {
    "russian": ["Садовник привязал ветку к стене.", "Ёжик нашёл яблоко под деревом!",
                "Весной дерево цвело, а осенью дало сорок груш."],
    "greek": ["Ο κηπουρός έδεσε το κλαδί στον τοίχο.", "Το δέντρο άνθισε την άνοιξη· έδωσε σαράντα αχλάδια.",
              "ΚΑΛΗΜΕΡΑ, ΚΌΣΜΕ ΜΑΣ"],
    "accents": ["Le jardinier attacha la branche à l'espalier, près du mûrier.",
                "Die Äste wuchsen über die Straße hinaus.", "Łódź leży daleko; cœur naïf, Ørsted."],
    "chinese": ["园丁把树枝绑在墙上。", "春天开花,秋天结了四十个梨！", "这棵树有 12 年了 (真的)"],
    "mixed": ["The 梨 tree (груша) grew 3 × 4 m for 15 €.", "it’s “late” — a\u00a0b\u200bc\u0000d",
              "cafe\u0301 CAFÉ 한국어 ｆｕｌｌ", "𠀀 🌳 Ǆ İ ﬁ"],
}
PIPELINES = {
    "uncased": {},
    "cased": {"lowercase": False},
    "uncased_with_accents": {"lowercase": True, "strip_accents": False},
    "whole_chinese_words": {"handle_chinese_chars": False},
}
ADDED = ["Ünicorn", "[NEW]", " Big Cat ", "中心"]


def _normalizer(keys):
    return normalizers.BertNormalizer(**{"clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                                         "lowercase": True, **keys})


def _vocabulary(pipeline):
    """Special tokens, every character and its continuation, and every other word."""
    letters, words = {}, {}
    for sentence in sum(SENTENCES.values(), []):
        for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(pipeline.normalize_str(sentence)):
            letters.update(dict.fromkeys(word))
            words[word] = None
    letters = [letter for letter in letters if letter not in "ж丁Ж"]  # words with them are unknown
    words = [word for word in words if len(word) > 1][::2]
    return SPECIAL + letters + ["##" + letter for letter in letters] + words


def _tokenizer(keys):
    normalizer = _normalizer(keys)
    vocabulary = {token: i for i, token in enumerate(_vocabulary(normalizer))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <sep>", pair="<cls> $A <sep> $B:0 <sep>",
                                                             special_tokens=[("<cls>", 4), ("<sep>", 5)])
    document = json.loads(tokenizer.to_str())
    properties = {"single_word": False, "lstrip": False, "rstrip": False}
    document["added_tokens"] = [{"id": i, "content": token, **properties, "normalized": False, "special": True}
                                for i, token in enumerate(SPECIAL)]
    document["added_tokens"] += [
        {"id": len(vocabulary) + i, "content": token, **properties, "normalized": True, "special": False}
        for i, token in enumerate(ADDED)]
    return document


def make():
    entries = []
    for name, keys in PIPELINES.items():
        document = _tokenizer(keys)
        tokenizer = Tokenizer.from_str(json.dumps(document))
        strings = []
        for text in sum(SENTENCES.values(), []) + [
                "an Ünicorn, a unicorn", "a [new] b [NEW]", "a big cat b Big Cat", "花中心园"]:
            encoding = tokenizer.encode(text)
            strings.append({"text": text, "ids": encoding.ids, "tokens": encoding.tokens,
                            "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=True),
                            "decoded_with_special": tokenizer.decode(encoding.ids, skip_special_tokens=False)})
        entries.append({"name": name, "tokenizer": document, "strings": strings})
    import tokenizers

    write_json("tokenizer_scripts.json", {
        "about": "Tokenizers with BERT's normalizer and normalized added tokens, and what the tokenizers library makes "
                 "of sentences in several scripts.",
        "made_with": {"tokenizers": tokenizers.__version__}, "pipelines": entries}, "pipelines")
