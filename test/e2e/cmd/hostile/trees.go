// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// marked is an entry by which readers would notice that the attack was published.
func marked(p *pack) entry {
	return entry{file, "index.html", p.blob("hostile\n")}
}

// linkTo is a commit with a link.
func linkTo(target string) func() repository {
	return func() repository {
		var p pack
		assets := p.tree(entry{file, "a.css", p.blob("a\n")})
		return p.repository(p.tree(entry{folder, "assets", assets}, marked(&p), entry{link, "leak", p.blob(target)}))
	}
}

// linkThroughLink has two links, of which each by itself stays inside.
func linkThroughLink() repository {
	var p pack
	inner := p.tree(entry{link, "up", p.blob("..")})
	return p.repository(p.tree(entry{folder, "inner", inner}, marked(&p), entry{link, "leak", p.blob("inner/up/../outside")}))
}

// named is a commit with a folder of a name.
func named(name string) func() repository {
	return func() repository {
		var p pack
		inner := p.tree(entry{file, "config", p.blob("x\n")})
		return p.repository(p.tree(entry{folder, name, inner}, marked(&p)))
	}
}

// manyFiles is one more than the helper's budget of files.
func manyFiles() repository {
	var p pack
	content := p.blob("x\n")
	entries := make([]entry, 100_001)
	for i := range entries {
		entries[i] = entry{file, fmt.Sprintf("%06d", i), content}
	}
	return p.repository(p.tree(entries...))
}

// foldersInFolders is ten folders with the same ten folders in each, ten levels deep.
func foldersInFolders() repository {
	var p pack
	inner := p.tree(marked(&p))
	for range 10 {
		var entries []entry
		for i := range 10 {
			entries = append(entries, entry{folder, fmt.Sprint(i), inner})
		}
		inner = p.tree(entries...)
	}
	return p.repository(inner)
}
