# SPDX-License-Identifier: Apache-2.0
"""Lets pages link to files of the repository that are no pages, as they do on GitHub."""

import posixpath
import re

LINK = re.compile(r"(\]\()((?:\.\./)+[^)#\s]+)")


def on_page_markdown(markdown, page, config, files):
    """Turns a relative link that leaves docs/ into one to the file on GitHub."""

    def absolute(match):
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_path), match.group(2)))
        if target.startswith("docs/"):
            return match.group(0)
        return f"{match.group(1)}{config['repo_url']}/blob/main/{target}"

    return LINK.sub(absolute, markdown)
