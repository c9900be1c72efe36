"""The report: runs and their evaluations as one page that opens from disk."""

from __future__ import annotations

from ganeval.report.build import ReportResult, build_report

__all__ = ["ReportResult", "build_report"]
