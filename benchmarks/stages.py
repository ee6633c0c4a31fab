"""Where the time of scoring a file goes, measured stage by stage in one process."""

from __future__ import annotations

from pathlib import Path

from workers import Setup


class Stages:
    """Scoring of one file, whole and in its parts."""

    def __init__(self, setup: Setup) -> None:
        from cxnlp import Tagger

        self.tagger = Tagger.load(setup.model, device="cpu")
        self.source = Path(setup.work) / SOURCE
        self.folder = Path(setup.work)
        self.texts = self._texts()
        self.tag = self.tagger.tag
        predictions = self.tag(self.texts)
        self.known = dict(zip(self.texts, predictions, strict=True))

    def whole(self) -> None:
        """Score the file: everything that ``cxnlp score`` does after loading."""
        self._score("whole.csv")

    def files(self) -> None:
        """Read the file and write the result, with predictions that are known already."""
        known = self.known
        self.tagger.tag = lambda texts, **_: [known[text] for text in texts]  # type: ignore[method-assign]
        try:
            self._score("files.csv")
        finally:
            self.tagger.tag = self.tag  # type: ignore[method-assign]

    def languages(self) -> None:
        """Identify the language of each text."""
        from cxnlp.text import identify_languages

        identify_languages(self.texts)

    def tokens(self) -> None:
        """Clean and tokenise."""
        for ids in self.tagger.tokenizer.encode(self.texts):
            self.tagger.tokenizer.windows(ids)

    def probabilities(self) -> None:
        """Tokenise, and run the network."""
        self.tagger.probabilities(self.texts)

    def labels(self) -> None:
        """Tokenise, run the network, and decide."""
        self.tag(self.texts, languages=False)

    def work(self) -> dict[str, int]:
        """Count what the network has to do for the file: windows, tokens and operations (a multiply-add is two)."""
        tokenizer, taxonomy = self.tagger.tokenizer, self.tagger.taxonomy
        encoder = self.tagger.manifest.encoder if self.tagger.manifest else {}
        lengths = [len(window) for ids in tokenizer.encode(self.texts) for window in tokenizer.windows(ids)]
        width, layers = int(encoder["hidden_size"]), int(encoder["num_hidden_layers"])
        linear = layers * (4 * width**2 + 2 * width * int(encoder["intermediate_size"])) + width**2
        queries = sum(len((taxonomy[facet.of] if facet.of else facet).labels) for facet in taxonomy.facets)
        products = sum(t * linear + layers * 2 * t * t * width + 2 * t * queries * width for t in lengths)
        return {"windows": len(lengths), "tokens": sum(lengths), "operations": 2 * products}

    def texts_of(self, n_tokens: int, n_texts: int) -> tuple[list[str], int]:
        """Make texts of some ``n_tokens`` each out of the reviews; give them, and their tokens in all."""
        tokenizer = self.tagger.tokenizer
        stream = [index for ids in tokenizer.encode(self.texts) for index in ids]
        room = n_tokens - 2
        while len(stream) < room * n_texts:
            stream += stream
        texts = [tokenizer.tokenizer.decode(stream[i * room : (i + 1) * room]) for i in range(n_texts)]
        return texts, sum(len(ids) + 2 for ids in tokenizer.encode(texts))

    def _score(self, name: str) -> None:
        from cxnlp.data.tables import open_table
        from cxnlp.inference.score import score_file

        output = self.folder / name
        output.unlink(missing_ok=True)
        score_file(self.tagger, open_table(self.source), output)

    def _texts(self) -> list[str]:
        from cxnlp.data.tables import open_table, read_rows

        return [row.text for row in read_rows(open_table(self.source))]


SOURCE = "reviews.csv"
PARTS = ("whole", "files", "languages", "tokens", "probabilities", "labels")


def open_stages(setup: Setup) -> Stages:
    """Load the tagger and read the file."""
    return Stages(setup)
