"""The index of the Data Docs as a plain table.

The one that great_expectations comes with is drawn by scripts from the network, and lists nothing
without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from great_expectations.render import (
    RenderedDocumentContent,
    RenderedSectionContent,
    RenderedStringTemplateContent,
    RenderedTableContent,
)
from great_expectations.render.renderer.renderer import Renderer


class PlainIndexRenderer(Renderer):
    """Lists all results, newest first, and the suites; `great_expectations.yml` names it."""

    @classmethod
    def render(cls, index_links_dict: Mapping[str, Any]) -> RenderedDocumentContent:
        """The index, of the links that great_expectations' index builder has gathered."""
        links, suite_links = (
            sorted(index_links_dict.get(name, ()), key=lambda link: link["expectation_suite_name"])
            for name in ("validations_links", "expectations_links")
        )
        links.sort(key=lambda link: link["run_time"], reverse=True)
        results = [
            [
                f"{link['run_time']:%Y-%m-%d %H:%M:%S} UTC",
                link["run_name"],
                _link(link["expectation_suite_name"], link["filepath"]),
                "succeeded" if link["validation_success"] else "failed",
            ]
            for link in links
        ]
        suites = [[_link(link["expectation_suite_name"], link["filepath"])] for link in suite_links]
        tables = [
            _table("Validation results", ("Time", "Stage", "Table", "Result"), results),
            _table("Expectation suites", ("Table",), suites),
        ]
        return RenderedDocumentContent(
            # The view knows the folders of images by this name.
            renderer_type="SiteIndexPageRenderer",
            utm_medium="index-page",
            sections=[RenderedSectionContent(content_blocks=tables)],
        )


def _table(
    name: str, header: Sequence[str], rows: Sequence[Sequence[object]]
) -> RenderedTableContent:
    return RenderedTableContent(
        header=name,
        header_row=[*header],
        table=[*rows],
        styling={"classes": ["col-12"], "body": {"classes": ["table", "table-sm"]}},
    )


def _link(text: str, address: str) -> RenderedStringTemplateContent:
    template = {
        "template": "$text",
        "params": {"text": text},
        "tag": "a",
        "styling": {"attributes": {"href": address}},
    }
    return RenderedStringTemplateContent(
        content_block_type="string_template", string_template=template
    )
