// SPDX-License-Identifier: Apache-2.0

// Package gitfetch polls a git remote and, if the wanted commit is not the one that is
// published already, makes a checkout of it. It runs no program and reads nothing but
// what its Request names: no git, no shell, no home directory, no git or ssh
// configuration, no environment.
//
// A poll is a conversation with the server, as git-upload-pack(1) has it, in version 2
// of the protocol (v2.go) or, with servers that know no better, in version 0 (v0.go):
//
//  1. the server lists its refs, in version 2 only those that matter (refs.go), over
//     https (http.go) or ssh (ssh.go), on a connection that is kept (session.go);
//  2. the ref is resolved; if it is what the caller has, that was all;
//  3. the server sends a pack with that commit, which is indexed while it is written to
//     disk (pack.go, delta.go);
//  4. the commit's tree is read and judged in memory (tree.go, links.go), and only
//     then written (checkout.go).
//
// The server and the repository are untrusted: sizes are checked before anything is
// inflated, names and links before anything is written, and no text of theirs reaches
// an error unquoted. From go-git come the pack's syntax and SHA-1 with collision
// detection. Its transports and its object storage are not used: the former read
// ssh_config, the environment and package variables and know version 0 alone, the
// latter holds every object of a pack in memory once.
package gitfetch
