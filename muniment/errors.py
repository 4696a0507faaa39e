"""Every error that Muniment raises on purpose.

MunimentError
├── UsageError            the caller asked for something that makes no sense           exit 3
├── InputError            an input file or row cannot be read                          exit 2
├── CatalogError          a control, framework, source map or parameter is wrong       exit 2
├── StoreError            the records or the audit log cannot be read or written       exit 2
│   └── StoreBusyError    another process holds the log or the database                exit 2
├── EvaluationError       a control's test cannot be run                               exit 2
├── ReportError           a report cannot be built                                     exit 2
├── WorkflowError         a person may not do this, or not in this state               exit 2
├── EvidenceBrokenError   sealed evidence does not verify                              exit 4
└── TrustError            nothing is broken, but trust is not established              exit 5

An error's text says what happened, where, and what to do, with values in backticks. "Exception" is
kept for the auditor's word: a population item that failed its test.
"""

from __future__ import annotations


class MunimentError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 2


class UsageError(MunimentError):
    """The caller asked for something that makes no sense."""

    exit_code = 3


class InputError(MunimentError):
    """An input file or row cannot be read."""


class CatalogError(MunimentError):
    """A control, framework, source map or parameter file is wrong."""


class StoreError(MunimentError):
    """The records or the audit log cannot be read or written."""


class StoreBusyError(StoreError):
    """Another process holds the log or the database for longer than the wait allows."""


class EvaluationError(MunimentError):
    """A control's test cannot be run."""


class ReportError(MunimentError):
    """A report cannot be built."""


class WorkflowError(MunimentError):
    """A person may not do this, or not in this state."""


class EvidenceBrokenError(MunimentError):
    """Sealed evidence does not verify."""

    exit_code = 4


class TrustError(MunimentError):
    """Nothing is broken, but trust is not established."""

    exit_code = 5
