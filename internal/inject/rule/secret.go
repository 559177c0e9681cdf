// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// SecretSpec says where a Secret may be sent, as it is written in a policy file.
type SecretSpec struct {
	// Name is the Secret, or a pattern of names such as git-*.
	Name Text `json:"name"`
	// Repo lists the repositories, or patterns of them, to which it may be sent.
	Repo Texts `json:"repo"`
}

// Secret is a SecretSpec, compiled.
type Secret struct {
	Name option.Pattern
	Repo []option.Pattern
}

// CompileSecrets reads them against the options secret and repo of a helper. The errors carry
// the paths of the wrong fields below at.
func CompileSecrets(specs []SecretSpec, secret, repo *option.Option, at *field.Path) (all []Secret, errs field.ErrorList) {
	if len(specs) > 0 && (secret == nil || repo == nil) {
		return nil, field.ErrorList{field.Forbidden(at, "is for helpers with the options secret and repo; remove it")}
	}
	for i, spec := range specs {
		at := at.Index(i)
		name, err := secret.Pattern(string(spec.Name))
		if err != nil {
			errs = append(errs, field.Invalid(at.Child("name"), string(spec.Name), err.Error()))
		}
		if len(spec.Repo) == 0 {
			errs = append(errs, field.Required(at.Child("repo"), "names the repositories to which the Secret may be sent, such as https://git.acme.example/*"))
		}
		s := Secret{Name: name}
		for j, text := range spec.Repo {
			p, err := repo.Pattern(string(text))
			if err != nil {
				errs = append(errs, field.Invalid(at.Child("repo").Index(j), string(text), err.Error()))
				continue
			}
			s.Repo = append(s.Repo, p)
		}
		all = append(all, s)
	}
	return all, errs
}

// SecretGoesTo are the patterns of repositories to which a Secret may be sent, as the list
// says it.
func (h *Helper) SecretGoesTo(secret option.Value) (to []option.Pattern) {
	for _, s := range h.Secrets {
		if s.Name.Matches(secret) {
			to = append(to, s.Repo...)
		}
	}
	return to
}

// CheckSecret completes the sentence "policy … does not allow this value: …" if a Secret may
// not be sent to a repository. Without a list every Secret may be sent to each.
func (h *Helper) CheckSecret(secret, repo option.Value) error {
	if len(h.Secrets) == 0 {
		return nil
	}
	var to []string
	for _, p := range h.SecretGoesTo(secret) {
		if p.Matches(repo) {
			return nil
		}
		to = append(to, p.String())
	}
	if len(to) == 0 {
		return errors.New("the policy's list of secrets does not have it")
	}
	return fmt.Errorf("it may be sent to %s only, not to %s", option.JoinOr(to[:min(len(to), 8)]), repo.Text)
}
