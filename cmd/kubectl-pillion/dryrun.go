// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// dryRun is what a cluster says of the pods of one object.
type dryRun struct {
	Kind      string        `json:"kind"`
	Name      string        `json:"name"`
	Namespace string        `json:"namespace"`
	Source    string        `json:"source"`
	Admitted  bool          `json:"admitted"`
	Denial    string        `json:"denial,omitempty"`
	Asks      bool          `json:"asks"`              // for a helper
	Helpers   []string      `json:"helpers,omitempty"` // containers that the pod would have
	Version   string        `json:"version,omitempty"` // of the webhook that added them
	Policy    string        `json:"policy,omitempty"`
	Reason    reason.Reason `json:"reason,omitempty"` // of Pillion's decision
	Warnings  []string      `json:"warnings,omitempty"`
}

// good reports whether the pods get what they ask for.
func (d *dryRun) good() bool { return d.Admitted && (!d.Asks || d.Version != "") }

// dryRun asks the cluster: each pod is created as a dry run, with all webhooks, and nothing
// is stored. The right to create pods is all that it needs.
func (o *explainOptions) dryRun(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	documents, err := o.inputs.read(ctx, in)
	if err != nil {
		return err
	}
	if err := rejected(documents); err != nil {
		return err
	}
	client, err := o.cluster.Connect()
	if err != nil {
		return err
	}
	var all []dryRun
	for _, d := range documents {
		objects, err := d.objects()
		if err != nil {
			return fmt.Errorf("%s: %w", d.source, err)
		}
		for i := range objects {
			one, err := objects[i].dryRun(ctx, client, d)
			if err != nil {
				return fmt.Errorf("%s: %w", objects[i].label(d), err)
			}
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return errors.New("there is no pod in these files, and nothing that makes pods")
	}
	if err := notes(errOut, helpers.Builtin(), documents, true); err != nil {
		return err
	}
	if err := printList(out, o.output, all, dryRunText); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(d dryRun) bool { return !d.good() }) {
		return errRefused
	}
	return nil
}

func (o *object) dryRun(ctx context.Context, client *cluster.Client, d *document) (dryRun, error) {
	found := dryRun{Kind: o.kind, Name: o.name, Namespace: o.namespace, Source: d.source}
	if found.Namespace == "" {
		found.Namespace = client.Namespace
	}
	raw, err := o.at.Find(d.json)
	if err != nil {
		return found, err
	}
	pod, err := newPod(raw, o.name, claims(o.raw))
	if err != nil {
		return found, err
	}
	before, err := explain.ReadPod(pod)
	if err != nil {
		return found, err
	}
	found.Asks = inject.Asks(before.Annotations)
	made, warnings, err := client.TryJSON(ctx, found.Namespace, pod)
	found.Warnings = warnings
	if denial := apierrors.APIStatus(nil); errors.As(err, &denial) && isDenial(denial) {
		found.Denial = denial.Status().Message
		return found, nil
	}
	if err != nil {
		return found, fmt.Errorf("trying the pod in namespace %s: %w", found.Namespace, err)
	}
	p, err := explain.ReadPod(made)
	if err != nil {
		return found, err
	}
	found.Admitted, found.Helpers = true, p.Helpers()
	if s := p.Decision(); s != nil {
		found.Version, found.Policy, found.Reason = s.Version, s.Policy, s.Reason
	}
	return found, nil
}

// isDenial reports whether an answer is about the pod: a webhook, an admission plugin or a
// validation denies it. That the user may not create pods is no answer.
func isDenial(denial apierrors.APIStatus) bool {
	s := denial.Status()
	switch s.Code {
	case 400, 422:
		return true
	case 403: // of webhooks, quotas and Pod Security; of rights, the text begins with the user
		return !strings.Contains(s.Message, " cannot create resource ")
	}
	return false
}

// newPod makes a pod of a template: with a name that the API server draws, so that it is not
// there already, and without what it has been given by a cluster. Its volumes are those of the
// template and one for each claim of a StatefulSet, as its controller adds them.
func newPod(raw []byte, name string, claims []string) ([]byte, error) {
	var template struct {
		Metadata struct {
			Labels      json.RawMessage `json:"labels,omitempty"`
			Annotations json.RawMessage `json:"annotations,omitempty"`
		} `json:"metadata"`
		Spec map[string]any `json:"spec"`
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		return nil, fmt.Errorf("reading the pod: %w", err)
	}
	type object = map[string]any
	for _, claim := range claims {
		volumes, _ := template.Spec["volumes"].([]any)
		template.Spec["volumes"] = append(volumes, object{"name": claim, "persistentVolumeClaim": object{"claimName": claim + "-" + name + "-0"}})
	}
	metadata := object{"generateName": strings.TrimRight(name, "*-") + "-"}
	for key, value := range map[string]json.RawMessage{"labels": template.Metadata.Labels, "annotations": template.Metadata.Annotations} {
		if value != nil {
			metadata[key] = value
		}
	}
	return json.Marshal(object{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.Spec})
}

// claims are the names of the volumes that a StatefulSet's pods get beside those of the template.
func claims(workload []byte) (names []string) {
	var w struct {
		Spec struct {
			Claims []struct {
				Metadata struct {
					Name string `json:"name"`
				} `json:"metadata"`
			} `json:"volumeClaimTemplates"`
		} `json:"spec"`
	}
	_ = json.Unmarshal(workload, &w) // of another kind, or none that the API server would take
	for _, c := range w.Spec.Claims {
		names = append(names, c.Metadata.Name)
	}
	return names
}

func dryRunText(b *strings.Builder, all []dryRun) {
	for i := range all {
		d := &all[i]
		fmt.Fprintf(b, "%s %s/%s of namespace %s (%s): ", mark(d.good()), d.Kind, d.Name, d.Namespace, d.Source)
		switch {
		case !d.Admitted:
			b.WriteString("the cluster denies its pods\n")
			fmt.Fprintf(b, "  ✗ %s\n", d.Denial)
		case d.Version != "":
			fmt.Fprintf(b, "its pods get %s, by %s under %s (%s)\n", orNothing(d.Helpers), d.Version, d.Policy, d.Reason)
		case d.Asks:
			b.WriteString("its pods request helpers, and get none\n  ✗ no webhook of Pillion reviewed the pod; see: kubectl pillion check\n")
		default:
			b.WriteString("its pods request no helper, and get none\n")
		}
		for _, w := range d.Warnings {
			fmt.Fprintf(b, "  ! %s\n", strings.TrimPrefix(w, "pillion: "))
		}
	}
}
