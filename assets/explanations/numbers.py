"""Short numbers for sentences: how a list row names its sentence in a few bits."""

import polars as pl


class SentenceNumbers:
    """Numbers the sentences about each item from 0, in the order in which blocks bring them.

    A row names its sentence by its item and this number, so that a release can hold it in two
    bytes; the sentence's key stays its name across releases. Memory grows with the distinct
    sentences, not with the rows.
    """

    def __init__(self) -> None:
        self._known = pl.DataFrame(
            schema={
                "explanation_key": pl.String, "target_item_id": pl.String, "reason_num": pl.Int32
            }
        )  # fmt: skip

    def number(self, sentences: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Returns the numbers of a block's sentences, and which of them no block had before.

        Args:
            sentences: distinct; explanation_key, target_item_id and any other columns.

        Returns:
            explanation_key, reason_num of each sentence; and the rows of the new ones with their
            reason_num.
        """
        keys = sentences.select("explanation_key", "target_item_id")
        before = self._known.join(keys, on="explanation_key", how="semi")
        new = sentences.join(before, on="explanation_key", how="anti").sort(
            "target_item_id", "explanation_key"
        )
        taken = (
            self._known.join(new.select("target_item_id"), on="target_item_id", how="semi")
            .group_by("target_item_id")
            .agg(pl.len().cast(pl.Int32).alias("n_taken"))
        )
        place = pl.int_range(pl.len(), dtype=pl.Int32).over("target_item_id")
        numbered = new.join(
            taken, on="target_item_id", how="left", maintain_order="left"
        ).with_columns(reason_num=pl.col("n_taken").fill_null(0) + place)
        added = numbered.select(self._known.columns)
        self._known = pl.concat([self._known, added])
        numbers = pl.concat([before, added]).select("explanation_key", "reason_num")
        return numbers, numbered.drop("n_taken")
