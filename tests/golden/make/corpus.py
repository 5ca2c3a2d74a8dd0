"""A small text from a template grammar, for training the golden tokenizer: the same sentences on every machine."""

SUBJECTS = ["the gardener", "an old captain", "my sister", "the committee", "a young botanist", "the river",
            "our neighbour", "the clerk", "every traveller", "the orchard", "a careful reader", "the weather"]
VERBS = ["trained", "pruned", "watched", "described", "measured", "remembered", "planted", "followed", "questioned",
         "painted", "carried"]
OBJECTS = ["the pear tree against the wall", "a row of apple trees", "the southern branches", "three hundred letters",
           "an unexpected harvest", "the frozen lake", "its own reflection", "the history of the town",
           "a map of the garden", "the lowest shelf", "20 baskets of plums"]
ENDINGS = [".", ", and nobody objected.", "; it didn't matter.", "!", "?", " before the winter of 1847.",
           " (so they said).", " -- quietly.", " \"as usual\".", ", while we weren't looking...", ": a mistake.",
           " in the early morning, at 6:30.", " because she'd promised to."]
OPENINGS = ["", "Yesterday ", "In those days ", "It's known that ", "Without warning, ", "After all, ", "Some say "]
EXTRA = [
    "Mr. Smith's e-mail was sent to the office on 3/14; I've kept a copy, they're sure you'll read it & reply.",
    "Prices rose by 12% in 1990-1995, from $4.50 to $6.75 [see table 8].",
    "He wrote: 'do not water the trees at noon'. I'm not certain that he can't or won't.",
    "the the the and and of of to to in in a a is was were are be been being has have had do does did not no yes",
    "variable_name = other_name + 1 ; quick brown fox jumps over a lazy dog, zebra, xylophone, jazz, quartz, vexing, "
    "whiskey",
]


def sentences():
    """About 1,400 sentences; the parts are picked by fixed strides."""
    lines = []
    for i in range(1400):
        subject, verb = SUBJECTS[i % 12], VERBS[(i * 5) % 11]
        line = (OPENINGS[(i * 3) % 7] + subject + " " + verb + " " + OBJECTS[(i * 7 + i // 11) % 11] +
                ENDINGS[(i * 4 + i // 13) % 13])
        lines.append(line[0].upper() + line[1:])
    return lines + EXTRA * 3
