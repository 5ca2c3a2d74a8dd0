#!/usr/bin/env bash
# usage: data/recipes/word_order.sh
# Makes data/word_order/{train,dev}.tsv (sentence, label: real or shuffled) out of data/text: a labelled task for
# machines that cannot fetch the film reviews. 12,000 sentences; half of them have their words in a random order
# (lower case, no final stop in either half, so that only the order tells). The same on every machine.
set -euo pipefail
export LC_ALL=C.UTF-8
recipes=$(cd "$(dirname "$0")" && pwd)
out=$recipes/../word_order

say() { echo "word_order: $*" >&2; }

if [ -s "$out/train.tsv" ] && [ "$out/train.tsv" -nt "$0" ] && [ "$out/train.tsv" -nt "$recipes/split.pl" ]; then
  say "$(realpath "$out") is there already, reused"
  exit 0
fi
compgen -G "$recipes/../text/*.txt.gz" >/dev/null ||
  { say "no data/text/*.txt.gz: run data/recipes/text.sh first"; exit 1; }

work=$(mktemp -d "$recipes/../word_order.XXXXXX")
trap 'rm -rf "$work"' EXIT
zcat "$recipes"/../text/*.txt.gz | perl -MDigest::MD5=md5_hex -ne '
  chomp;
  next unless /^[A-Z][A-Za-z ,;\x27-]+[.]$/ && length() >= 50 && length() <= 160;
  my @words = map { lc } /[A-Za-z\x27-]+/g;
  my $hash = md5_hex("words @words");
  $sentence{$hash} = [@words];
  END {
    for my $hash ((sort keys %sentence)[0 .. 11999]) {
      last unless defined $hash;
      my ($words, $position) = ($sentence{$hash}, 0);
      my $shuffled = hex(substr $hash, -1) % 2;
      my %key = map { $position++ => md5_hex("$hash $position") } @$words;
      my @order = $shuffled ? sort { $key{$a} cmp $key{$b} } keys %key : 0 .. $#$words;
      print join(" ", @$words[@order]), "\t", $shuffled ? "shuffled" : "real", "\n";
    }
  }' | "$recipes/split.pl" "$work/train.tsv" "$work/dev.tsv" label

rm -rf "$out"
mv "$work" "$out"
chmod 755 "$out"
say "$(($(wc -l <"$out/train.tsv") - 1)) sentences in data/word_order/train.tsv," \
  "$(($(wc -l <"$out/dev.tsv") - 1)) in dev.tsv"
