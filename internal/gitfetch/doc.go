// SPDX-License-Identifier: Apache-2.0

// Package gitfetch takes one look at a git remote and, if the wanted commit is not
// the one that is published already, makes a fresh checkout of it. It runs no program
// and reads nothing but what its Request names: no git, no shell, no home directory,
// no git or ssh configuration, no environment.
//
// One call is one conversation with the server, as git-upload-pack(1) speaks it:
//
//  1. the server lists its refs (refs.go), over https (http.go) or ssh (ssh.go);
//  2. the ref is resolved; if it is what the caller has, that was all;
//  3. the server sends a pack with that commit (wire.go), which is indexed while it
//     is written to disk (pack.go, delta.go);
//  4. the commit's tree is read and judged in memory (tree.go, links.go), and only
//     then written (checkout.go).
//
// The server and the repository are untrusted: sizes are checked before anything is
// inflated, names and links before anything is written, and no text of theirs reaches
// an error unquoted. From go-git come the framing of packets, the pack's syntax and
// SHA-1 with collision detection. Its transports and its object storage are not used:
// the former read ssh_config, the environment and package variables, the latter holds
// every object of a pack in memory once.
package gitfetch
