//! A data folder that its group may write: what is created in it is the group's too, whatever the umask; any other is the
//! user's alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use tidegate::store::DataFolder;

use super::words::Place;

fn modes(place: &Place) -> Vec<(String, u32)> {
    let mut modes: Vec<(String, u32)> = fs::read_dir(place.file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().into_string().unwrap(), mode)
        })
        .collect();
    modes.sort();
    modes
}

#[tokio::test]
async fn files_follow_the_folder() {
    for (folder_mode, file_mode) in [(0o2770, 0o660), (0o700, 0o600), (0o755, 0o600)] {
        let place = Place::new();
        let folder = place.file.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(folder_mode)).unwrap();
        assert_eq!(DataFolder::is_shared(folder), file_mode == 0o660);
        let _lock = DataFolder::try_lock(folder).unwrap().unwrap();
        let store = place.create().await;
        store.notification_state().await.unwrap();
        let modes = modes(&place);
        assert!(modes.iter().any(|(name, _)| name == "tidegate.db-wal"), "{modes:?}");
        assert!(modes.iter().all(|(_, mode)| *mode == file_mode), "{folder_mode:o}: {modes:?}");
    }
}
