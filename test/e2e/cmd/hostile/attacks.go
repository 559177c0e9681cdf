// SPDX-License-Identifier: Apache-2.0

package main

func honest(page string) repository {
	var p pack
	return p.repository(p.tree(entry{file, "index.html", p.blob(page + "\n")}))
}

// attacks are by name what a repository can be.
func attacks() map[string]func() repository {
	return map[string]func() repository{
		"link-to-secrets":       linkTo("/var/run/secrets"),
		"link-with-dots":        linkTo("assets/../../../etc/passwd"),
		"link-through-link":     linkThroughLink,
		"name-dot-dot":          named(".."),
		"name-dot-git":          named(".GIT"),
		"name-with-slash":       named("../../outside"),
		"name-data":             named("..data"),
		"files-100001":          manyFiles,
		"folders-in-folders":    foldersInFolders,
		"one-file-2048-times":   oneFileManyTimes,
		"object-of-2-gib":       deltaBomb,
		"objects-unpack-to-gib": unpackedMuch,
		"object-lies":           lyingObject,
		"objects-4-billion":     manyObjects,
		"pack-without-end":      packWithoutEnd,
		"refs-without-end":      refsWithoutEnd,
		"drips":                 drips,
		"redirect-elsewhere":    redirect,
		"rude":                  rude,
	}
}
