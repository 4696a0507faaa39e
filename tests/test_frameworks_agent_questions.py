"""The 46 questions that an auditor of agents asks, and the controls that answer them.

Each is answered by controls that exist and that a requirement maps. Those that wait for a control
to be written are listed, so that the list can only shrink.
"""

from __future__ import annotations

from muniment.catalog.controls import load_controls
from muniment.catalog.frameworks import load_frameworks

CONTROLS = load_controls().keys()
MAPPED = {
    mapping.control_id
    for framework in load_frameworks().values()
    for unit in framework.requirements
    for mapping in unit.controls
}
QUESTIONS = {
    "AG-01": ("the inventory is complete", "IDN-01 SHA-01"),
    "AG-02": ("every agent has an accountable, current owner", "OWN-01 OWN-02"),
    "AG-03": ("purpose, users and limits are recorded and versioned", "BND-01 TRN-04"),
    "AG-04": ("the legal class is documented before go-live", "RSK-01"),
    "AG-05": ("the role is recorded and looked at again when it may change", "RSK-01 BND-04"),
    "AG-06": ("prohibited practices were screened", "RSK-02"),
    "AG-07": ("logging is on for the whole life", "AUD-02 AUD-03"),
    "AG-08": ("records suffice to reconstruct an action", "AUD-01"),
    "AG-09": ("the log has no gaps", "AUD-03"),
    "AG-10": ("logs are protected against alteration", "INT-01 INT-02"),
    "AG-11": ("logs are kept six months or more", "INT-03"),
    "AG-12": ("documentation is kept ten years", "GOV-07"),
    "AG-13": ("competent human oversight is assigned", "OVR-01 OVR-07 TRN-01"),
    "AG-14": ("approvals came before the action", "OVR-03 OVR-07"),
    "AG-15": ("oversight is meaningful", "OVR-09 OVR-10"),
    "AG-16": ("the stop works and was exercised", "OVR-12"),
    "AG-17": ("the agent stays inside its use, tools and data", "ACC-03 ACC-05 BND-02"),
    "AG-18": ("identity is its own and privilege least", "IDN-02 IDN-03 ACC-02 ACC-07"),
    "AG-19": ("operation is really monitored", "BEH-05 LIF-06"),
    "AG-20": ("performance stays within what was declared", "BEH-06"),
    "AG-21": ("a risk leads to suspension and notice", "INC-06"),
    "AG-22": ("the clock of a serious incident is met", "INC-01"),
    "AG-23": ("the system is preserved until the authority knows", "INC-02"),
    "AG-24": ("cause and correction are closed", "INC-03"),
    "AG-25": ("changes are approved and tested before release", "LIF-05 TST-01 LIF-01"),
    "AG-26": ("models and components are approved and traceable", "SUP-01 IDN-06"),
    "AG-27": ("agreements with third parties and a way out exist", "SUP-02"),
    "AG-28": ("the risk assessment is current and residual risk accepted", "RSK-03"),
    "AG-29": ("the impact assessment is done and notified", "RSK-04"),
    "AG-30": ("registration is complete", "RSK-05"),
    "AG-31": ("people are told that they deal with an agent", "TRN-02"),
    "AG-32": ("generated output is marked", "TRN-03"),
    "AG-33": ("affected persons are informed and answered", "TRN-05"),
    "AG-34": ("workers are informed", "TRN-06"),
    "AG-35": ("people who work with agents are trained", "TRN-01"),
    "AG-36": ("input and knowledge sources are governed", "DAT-01"),
    "AG-37": ("documentation matches the running version", "TRN-04"),
    "AG-38": ("instructions for use are given", "TRN-04"),
    "AG-39": ("each release is tested and red-teamed", "TST-01"),
    "AG-40": ("delegation is traceable and bounded", "MAG-01 MAG-04"),
    "AG-41": ("decommissioning is complete", "LIF-03"),
    "AG-42": ("concerns and complaints are handled", "GOV-05"),
    "AG-43": ("authority requests are answered, evidence can be exported", "GOV-06"),
    "AG-44": ("the cycle of the management system runs", "GOV-03 GOV-04"),
    "AG-45": ("policies are current and communicated", "GOV-01"),
    "AG-46": ("the evidence itself is reliable", "INT-04"),
}
# No control that answers these is written yet.
WAITING = {
    "AG-06", "AG-10", "AG-12", "AG-16", "AG-19", "AG-20", "AG-21", "AG-23", "AG-24", "AG-27",
    "AG-28", "AG-29", "AG-30", "AG-32", "AG-33", "AG-34", "AG-35", "AG-37", "AG-38", "AG-42",
    "AG-43", "AG-46",
}  # fmt: skip


def written(question: str) -> set[str]:
    """The controls that answer a question and exist."""
    return set(QUESTIONS[question][1].split()) & CONTROLS


def test_every_question_is_there_once() -> None:
    assert list(QUESTIONS) == [f"AG-{number:02d}" for number in range(1, 47)]


def test_questions_without_a_control_are_listed_and_can_only_become_fewer() -> None:
    assert {question for question in QUESTIONS if not written(question)} <= WAITING


def test_questions_with_a_control_are_answered_by_one_that_a_requirement_maps() -> None:
    open_ones = {q for q in QUESTIONS if q not in WAITING and not written(q) & MAPPED}
    assert not open_ones
