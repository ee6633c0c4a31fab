"""The Hugging Face Trainer with the loss of all facets, and development scores by the Tagger itself."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainerControl, TrainingArguments

from cxnlp.data import Review
from cxnlp.evaluation import choose_cutoffs, scores
from cxnlp.inference.tagger import Tagger
from cxnlp.inference.torch_backend import TorchBackend
from cxnlp.model.loss import facet_losses, total_loss
from cxnlp.model.network import Network
from cxnlp.settings import EncoderSettings, Recipe
from cxnlp.taxonomy import Cutoffs, Taxonomy, decide
from cxnlp.text import TextTokenizer
from cxnlp.training.averaging import WeightAverage
from cxnlp.training.dataset import Collator, ReviewDataset
from cxnlp.training.started import WarmStart

LOG_FILE = "log.jsonl"


class ReviewTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose loss is that of all facets over what is labelled."""

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        taxonomy: Taxonomy,
        tokenizer: TextTokenizer,
        data: ReviewDataset,
        select: Sequence[Review],
        folder: Path,
        warm: WarmStart | None = None,
    ) -> None:
        self.recipe = recipe
        self.warm = warm
        self.taxonomy = taxonomy
        self.tokenizer = tokenizer
        self.select = list(select)
        settings = recipe.training
        super().__init__(
            model=network,
            args=training_arguments(recipe, folder),
            train_dataset=data,
            eval_dataset=self.select,  # scored by evaluate() below
            data_collator=Collator(tokenizer.pad_id, tokenizer.mask_id, settings.token_dropout),
            optimizers=(make_optimizer(network, recipe), None),
            callbacks=[EarlyStoppingCallback(settings.patience), LogCallback(folder / LOG_FILE)],
        )
        self.average: WeightAverage | None = None
        if settings.averaging:
            self.average = WeightAverage(self.accelerator.unwrap_model(self.model), settings.averaging)
            self.add_callback(self.average)

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, **_: Any
    ) -> Any:
        """Give the weighted sum of the facets' losses."""
        logits = model(inputs["input_ids"], inputs["attention_mask"])
        settings = self.recipe.training
        losses = facet_losses(
            self.taxonomy, logits, inputs["values"], inputs["mask"], inputs["main"], settings.label_smoothing
        )
        loss = total_loss(losses, settings.loss_weights)
        return (loss, {"logits": logits}) if return_outputs else loss

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Score the development reviews by the same path as any other texts, with thresholds chosen on them."""
        tagger = self.tagger()
        probs = tagger.probabilities([review.text for review in self.select])
        cutoffs = choose_cutoffs(self.taxonomy, probs, self.select)
        found = scores(self.taxonomy, self.select, decide(self.taxonomy, probs, cutoffs))
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in found.items()}
        self.log(metrics)
        self.control: TrainerControl = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def tagger(self) -> Tagger:
        """Give a Tagger around the network."""
        return Tagger(self.taxonomy, self.tokenizer, TorchBackend(self.network(), str(self.args.device)), Cutoffs({}))

    def network(self) -> Network:
        """Give the network that is scored and exported: the averaged one, if the recipe averages."""
        if self.average:
            return self.average.network
        network: Network = self.accelerator.unwrap_model(self.model)
        return network

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        super()._save(output_dir, state_dict)
        if self.average:
            self.average.save(Path(output_dir or self.args.output_dir))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self.average:
            self.average.load(Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        super()._load_best_model()
        if self.average:
            self.average.load(Path(self.state.best_model_checkpoint))


class LogCallback(TrainerCallback):  # type: ignore[misc]
    """Appends what the Trainer logs to a JSONL file: figures only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started_s = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Write one line."""
        line = {"step": state.global_step, "elapsed_s": round(time.monotonic() - self.started_s, 1), **(logs or {})}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def training_arguments(recipe: Recipe, folder: Path) -> TrainingArguments:
    """Turn a recipe into the Trainer's arguments."""
    settings = recipe.training
    on_gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder / "checkpoints"),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        bf16=bf16_is_fast(),
        use_cpu=not on_gpu,
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{settings.metric}",
        greater_is_better=True,
        logging_steps=25,
        disable_tqdm=not sys.stderr.isatty(),  # elsewhere than on a terminal, lines in place of a bar
        report_to=["tensorboard"] if _has_tensorboard() else [],
        seed=recipe.seed,
        remove_unused_columns=False,
        label_names=["values"],
        dataloader_pin_memory=on_gpu,
    )


def bf16_is_fast() -> bool:
    """Whether the processor computes in bfloat16 itself; elsewhere autocast would slow training down several times."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def _has_tensorboard() -> bool:
    from transformers.integrations import is_tensorboard_available

    return bool(is_tensorboard_available())


def freeze(network: Network, settings: EncoderSettings) -> None:
    """Leave the parts of the encoder that the recipe names as they are."""
    encoder = network.encoder
    if settings.freeze_embeddings:
        encoder.get_input_embeddings().requires_grad_(False)
    for layer in _layers(encoder)[: settings.freeze_layers]:
        layer.requires_grad_(False)


def _layers(encoder: torch.nn.Module) -> list[torch.nn.Module]:
    stacks = [list(module) for module in encoder.modules() if isinstance(module, torch.nn.ModuleList)]
    return max(stacks, key=len, default=[])


def make_optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW with a learning rate for the encoder and one for the heads; no decay of biases and norms."""
    settings = recipe.training
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            rate = settings.learning_rate if name.startswith("encoder.") else settings.head_learning_rate
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items()], fused=True
    )
