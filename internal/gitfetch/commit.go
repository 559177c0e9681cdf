// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxCommit is the largest commit or tag that is read, in bytes.
	maxCommit = 1 << 20
	// maxTags is how many tags may point to one another.
	maxTags = 10
)

// commit is what matters of a commit.
type commit struct {
	hash plumbing.Hash
	tree plumbing.Hash
	time time.Time
}

// commit reads a commit, or the one behind a tag.
func (s *store) commit(hash plumbing.Hash) (commit, error) {
	for range maxTags {
		i, ok := s.byHash[hash]
		if !ok {
			return commit{}, failf(BadServer, "the server's pack does not hold the commit %s, which was asked for", hash)
		}
		content, err := s.read(i, maxCommit)
		if err != nil {
			return commit{}, err
		}
		switch kind := s.objects[i].kind; kind {
		case plumbing.CommitObject:
			return parseCommit(hash, string(content))
		case plumbing.TagObject:
			value, ok := headerLine(string(content), "object")
			if !ok || !hash40.MatchString(value) {
				return commit{}, failf(BadServer, "the repository is damaged: the tag %s cannot be read", hash)
			}
			hash = plumbing.NewHash(value)
		default:
			return commit{}, failf(NoSuchRef, "the ref points to a %s, not to a commit", kind)
		}
	}
	return commit{}, failf(NoSuchRef, "the ref points to a tag of a tag, more than %d times over", maxTags)
}

func parseCommit(hash plumbing.Hash, content string) (commit, error) {
	tree, ok := headerLine(content, "tree")
	if !ok || !hash40.MatchString(tree) {
		return commit{}, failf(BadServer, "the repository is damaged: the commit %s cannot be read", hash)
	}
	committer, _ := headerLine(content, "committer")
	return commit{hash: hash, tree: plumbing.NewHash(tree), time: commitTime(committer)}, nil
}

// headerLine finds a line of the head of a commit or a tag.
func headerLine(content, key string) (string, bool) {
	for line := range strings.Lines(content) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			break
		}
		if value, found := strings.CutPrefix(line, key+" "); found {
			return value, true
		}
	}
	return "", false
}

// commitTime takes the seconds from "Name <address> seconds zone". A process that writes a
// commit may claim any time; what is no time of the years 1970 to 2242 becomes 1970.
func commitTime(committer string) time.Time {
	fields := strings.Fields(committer[strings.LastIndexByte(committer, '>')+1:])
	if len(fields) == 0 {
		return time.Unix(0, 0)
	}
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || seconds < 0 || seconds >= 1<<33 {
		return time.Unix(0, 0)
	}
	return time.Unix(seconds, 0)
}
