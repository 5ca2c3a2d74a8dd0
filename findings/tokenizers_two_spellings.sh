#!/usr/bin/env bash
# tokenizers 0.23: a word added to an uncased tokenizer has two spellings, and they do not lead to each other.
# add_tokens leaves `normalized` true, so that GeForce is found in any case; since 0.23 id_to_token and decode give it
# as the normalizer writes it, geforce, while token_to_id, get_vocab and the saved file know GeForce alone. A table of
# tokens made from ids no longer names the vocabulary's words: looked up again, geforce is unknown, and where the
# normalized spelling is a word of its own (Café, beside cafe) it leads to that one's id, without an error. Who lists a
# masked model's predictions, or copies embeddings from one vocabulary to another by token, does just that.
# Seen with 0.23.1 to 0.23.3; up to 0.22.2 both directions know the spelling that was added.
#   Way out: names of ids from get_vocab(); or words added with normalized=False, in each spelling that is to be found.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

tokenizer = Tokenizer(WordPiece({"[UNK]": 0, "my": 1, "cafe": 2}, unk_token="[UNK]"))
tokenizer.normalizer = BertNormalizer()
tokenizer.pre_tokenizer = BertPreTokenizer()
tokenizer.add_tokens(["GeForce", "Café", AddedToken("BioX", normalized=False)])
for text in "GeForce", "Café", "BioX":
    id = tokenizer.encode(f"my {text}").ids[-1]
    assert tokenizer.token_to_id(text) == id == tokenizer.get_vocab()[text]
    assert f'"content":"{text}"' in tokenizer.to_str()
    token = tokenizer.id_to_token(id)
    assert tokenizer.decode([id]) == token
    print(f"{text}: id {id}, token {token}, whose id is {tokenizer.token_to_id(token)}")
TEXT
for version in 0.22.2 0.23.1 0.23.3; do
  python_packages "v$version" "tokenizers==$version"
  "v$version/bin/python" program.py >"$version" 2>&1
done
for text in 'GeForce: id 3, token GeForce, whose id is 3' 'Café: id 4, token Café, whose id is 4'; do
  expect "tokenizers 0.22.2" 0.22.2 "$text"
done
for version in 0.23.1 0.23.3; do
  for text in 'GeForce: id 3, token geforce, whose id is None' 'Café: id 4, token cafe, whose id is 2' \
    'BioX: id 5, token BioX, whose id is 5'; do
    expect "tokenizers $version" "$version" "$text"
  done
done
