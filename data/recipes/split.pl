#!/usr/bin/env perl
# usage: split.pl TRAIN.tsv DEV.tsv LABEL_NAME < "sentence<TAB>label" lines
# Shuffles the lines and puts about a tenth of them into DEV, the same way on every machine: the order and the
# side follow from the MD5 of the sentence's letters, so equal sentences are never on both sides (of several, the first stays).
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);

my ($train, $dev, $label_name) = @ARGV;
my (%line_of, %seen);
while (my $line = <STDIN>) {
  my ($sentence) = split /\t/, $line;
  (my $letters = lc $sentence) =~ tr/a-z0-9//cd;
  my $key = md5_hex("espalier $letters");
  $line_of{$key} = $line unless $seen{$key}++;
}

open my $train_file, '>', $train or die "$train: $!\n";
open my $dev_file, '>', $dev or die "$dev: $!\n";
print {$_} "sentence\t$label_name\n" for $train_file, $dev_file;
for my $key (sort keys %line_of) {
  my $side = hex(substr $key, -4) % 10 == 0 ? $dev_file : $train_file;
  print {$side} $line_of{$key};
}
close $train_file or die "$train: $!\n";
close $dev_file or die "$dev: $!\n";
