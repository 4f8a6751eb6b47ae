"""Enrolment: application → evidence → decision. docs/enrolment.md is the page."""
