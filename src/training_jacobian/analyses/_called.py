"""An analysis of trainings in memory."""

import importlib
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from training_jacobian.declaration import Analysis
from training_jacobian.jacobian.recorded import Training
from training_jacobian.own import NETWORK, OwnRun, must_have
from training_jacobian.section import nearest, refuse

Settings = dict[str, Any]


@dataclass(frozen=True)
class Called:
    """Analyses, by name, that can be called."""

    analyses: dict[str, Analysis]

    def called(self, name: str, trainings: tuple[Any, ...], given: Settings) -> dict[str, Any]:
        """Tables and arrays by file name.  Raises TypeError or ValueError where trainings or settings do not fit."""
        analysis = self.analyses[name]
        for each in trainings:
            if not isinstance(each, Training):
                raise TypeError(f"{name}: {type(each).__name__} is no training; give what `train` or `record` returns")
        if len(trainings) != 1 if not analysis.group else len(trainings) < 2:
            wanted = "two trainings" if analysis.group else "one training"
            raise TypeError(f"{name} is of {wanted}, and {len(trainings)} were given")
        settings = self._settings(name, trainings[0], given)
        for each in trainings:
            must_have(each, name, analysis.asks)
            self._check(name, settings, each, trainings[0])
        runs = [OwnRun(each, self._before(each, name, settings), partial(self._kept, each)) for each in trainings]
        with jax.enable_x64(trainings[0].x64):
            compute = importlib.import_module(f"{__package__}.{name}.compute").compute
            made: dict[str, Any] = compute(runs if analysis.group else runs[0], settings)
        if not analysis.group:
            trainings[0].kept[name] = settings, made
        return made

    def _owner(self, name: str) -> Analysis:
        """The analysis whose settings another has: its own, or those that it reads first."""
        first = (self.analyses[name].reads or (name,))[0]
        return self.analyses[first if first in self.analyses else name]

    def _settings(self, name: str, training: Training, given: Settings) -> Settings:
        owner = self._owner(name)
        defaults = owner.defaults(len(training.start.theta))
        known = list(dict.fromkeys([*defaults, *(owner.settings.model_fields if owner.settings else ())]))
        for each in given:
            if each not in known:
                raise TypeError(f"{name} has no setting {each!r}; {nearest(each, known)}")
        chosen = defaults | given
        if owner.settings is None:
            return chosen
        try:
            made: Settings = owner.settings.model_validate(chosen).model_dump(exclude_defaults=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))  # empty where it is of several settings
            what = f"{where} = {first['input']!r:.80}: " if where else ""
            raise ValueError(f"{name}: {what}{first['msg']}") from None
        return made

    def _before(self, training: Training, name: str, settings: Settings) -> dict[str, Any]:
        """Settings by section, of an analysis and of what it comes after."""
        made: dict[str, Any] = {}
        while name in self.analyses:
            made.setdefault((self.analyses[name].reads or (name,))[0], settings)
            name = self.analyses[name].after
            if name in self.analyses:
                settings = training.kept[name][0] if name in training.kept else self._settings(name, training, {})
        return made

    def _kept(self, training: Training, name: str) -> dict[str, Any]:
        """The files of an analysis, from the last time that it was called, or made now with its defaults."""
        if name not in training.kept:
            self.called(name, (training,), {})
        made: dict[str, Any] = training.kept[name][1]
        return made

    def _check(self, name: str, settings: Settings, training: Training, first: Training) -> None:
        """Raise ValueError if a training cannot have it, as the workflow does of a run."""
        model, svd = self._owner(name).settings, self._before(training, name, settings).get("svd", {})
        try:
            typed = model.model_validate(settings) if model else None
            self.analyses[name].check(typed, _seen(training, svd), _seen(first, svd))
        except PydanticCustomError as error:
            raise ValueError(f"{name}: {error.message()}") from None


def _seen(training: Training, svd: Settings) -> Any:
    """A training as declarations see a run of params.yaml."""
    network = training.given and training.given.network
    made = SimpleNamespace(
        size=len(training.start.theta),
        steps=training.steps,
        training=SimpleNamespace(dtype=str(training.start.theta.dtype)),
        keeps_untouched=True,
        svd=SimpleNamespace(**svd),
    )
    if network:
        said = jax.eval_shape(network.outputs, training.initial, network.inputs_test)
        made.loss = SimpleNamespace(name=network.loss)
        made.data = SimpleNamespace(train_size=len(network.inputs_train), test_size=len(network.inputs_test))
        facts = {"data": SimpleNamespace(CLASSES=said.shape[-1])}
        made.facts = lambda section: (
            facts.get(section) or importlib.import_module(f"training_jacobian.learning.losses.{network.loss}")
        )
    else:
        made.facts = lambda section: refuse(f"the number of classes is not known; give space, or {NETWORK}")
    return made
