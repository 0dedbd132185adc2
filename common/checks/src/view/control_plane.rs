//! Certificates, Cluster API objects, volumes and settings of the control plane.
