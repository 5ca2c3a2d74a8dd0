"""Batches for the BERT cases: ids, token types, mask and labels."""

import torch

from bert_folders import VOCABULARY

SEQUENCES, LENGTH, BATCHES = 3, 14, 3
CLS, SEP, MASK = (VOCABULARY.index(token) for token in ("[CLS]", "[SEP]", "[MASK]"))


def _row(generator, length):
    """[CLS] A [SEP] B [SEP] of `length` ids, and where B begins."""
    ids = torch.randint(5, len(VOCABULARY), (length,), generator=generator)
    middle = int(torch.randint(3, length - 3, (), generator=generator))
    ids[0], ids[middle], ids[-1] = CLS, SEP, SEP
    return ids, middle + 1


def _mask_words(generator, ids, labels, length):
    """A quarter of the words are labelled; most become [MASK], one another word."""
    chosen = 1 + torch.randperm(length - 2, generator=generator)[: length // 4]
    labels[chosen] = ids[chosen]
    ids[chosen[1:]] = MASK
    ids[chosen[0]] = torch.randint(5, len(VOCABULARY), (), generator=generator)


def _lengths(index, padded):
    lengths = [LENGTH, 9, 11] if padded else [LENGTH] * SEQUENCES
    return lengths[index:] + lengths[:index]


def make(seed, *, pairs, padded, labels):
    """Three batches. labels: "words", the number of classes, or 0 for none; 1 is a regression."""
    generator = torch.Generator().manual_seed(3000 + seed)
    batches = []
    for index in range(BATCHES):
        ids = torch.zeros(SEQUENCES, LENGTH, dtype=torch.int64)
        types, mask, words = torch.zeros_like(ids), torch.zeros_like(ids), torch.full_like(ids, -100)
        for row, length in enumerate(_lengths(index, padded)):
            ids[row, :length], second = _row(generator, length)
            types[row, second:length], mask[row, :length] = 1, 1
            if labels == "words":
                _mask_words(generator, ids[row], words[row], length)
        batch = {"ids": ids}
        if pairs:
            batch["types"] = types
        if padded:
            batch["mask"] = mask
        if labels == "words":
            batch["labels"] = words
        elif labels == 1:
            batch["labels"] = 5 * torch.rand(SEQUENCES, generator=generator)
        elif labels:
            batch["labels"] = torch.randint(0, labels, (SEQUENCES,), generator=generator)
        batches.append(batch)
    return batches
